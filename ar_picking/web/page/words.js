// The page's own words, Chinese and English. What the guide says comes from the guide (ar_picking/guide/words.py).

export const WORDS = {
  tracked: ["定位正常", "tracked"],
  degraded: ["定位减弱", "degraded"],
  lost: ["定位丢失", "lost"],
  off: ["无相机定位", "no camera"],
  online: ["在线 · 已送达", "online · all delivered"],
  sending: ["在线 · 送达中 {n} 条", "online · sending {n}"],
  others: ["在线 · 另一名称的记录未送达", "online · records of another name not delivered"],
  offline: ["离线 · 记录已保存 {n} 条", "offline · {n} records saved"],
  memory: ["记录未能保存 · 请勿关闭页面", "not stored: keep this page open"],
  idle: ["等待拣货单", "Waiting for a pick list"],
  standby: ["待命", "Standby"],
  planning: ["正在规划路线…", "Planning the walk…"],
  walk: ["前往货位", "Go to the bin"],
  pick: ["取货", "Take the goods"],
  back: ["返回打包台", "Return to packing"],
  finished: ["拣货完成", "List done"],
  put_to: ["放入 {slot} 号格 · 订单 {order}", "Put to slot {slot} · order {order}"],
  then: ["下一个 {bin} {name}", "Then {bin} {name}"],
  waiting_lists: ["还有 {n} 张拣货单在等", "{n} more lists are waiting"],
  manual: ["手动模式：只用卡片和地图", "Manual mode: card and map only"],
  slot: ["{n} 号格", "Slot {n}"],
  tap: ["确认", "Confirm"],
  short: ["缺货", "Short"],
  skip: ["稍后", "Later"],
  undo: ["撤销", "Undo"],
  blocked: ["前面不通", "Aisle blocked"],
  open: ["通道恢复", "Aisles open again"],
  manual_on: ["改用手动", "Manual mode"],
  manual_off: ["恢复引导", "Guided mode"],
  accept: ["换成这个", "Take this instead"],
  decline: ["不换", "No substitute"],
  how_many: ["实际找到几件？", "How many are there?"],
  how_many_taken: ["取了几件？", "How many did you take?"],
  report_short: ["确认缺货", "Report short"],
  confirm_count: ["确认数量", "Confirm quantity"],
  cancel: ["返回", "Back"],
  propose: ["可用 {name}（货位 {bin}）×{qty} 代替？", "Take {name} from {bin} ×{qty} instead?"],
  menu: ["设置", "Settings"],
  sound: ["语音提示", "Voice clips"],
  large: ["特大字", "Extra large type"],
  language: ["English first", "中文优先"],
  confirm_bin: ["确认货位", "Confirm bins"],
  confirm_item: ["扫码确认商品", "Confirm goods by code"],
  confirm_qty: ["确认数量", "Confirm quantities"],
  confirm_put: ["确认放入格位", "Confirm slots"],
  reload: ["重新载入", "Load again"],
  close: ["关闭", "Close"],
  no_camera: ["相机不可用：按卡片和地图拣货", "No camera: picking goes on with card and map"],
  camera_why: ["允许使用相机后，画面上会显示路线", "Allow the camera to see the way in the picture"],
  camera_again: ["再试相机", "Try the camera again"],
  starting: ["正在启动…", "Starting…"],
  starting_more: ["载入引导程序", "Loading the guide"],
  unpaired: ["这台平板还没有配对", "This tablet is not paired"],
  unpaired_more: ["用相机扫描服务端屏幕上的二维码，或输入配对码", "Scan the QR code on the box's screen, or type its code"],
  pair_button: ["配对", "Pair"],
  pair_refused: ["配对码无效或已用过", "That code is wrong or was used already"],
  pair_failed: ["连不上服务端，请检查网络", "The box does not answer; check the network"],
  other_tab: ["已在另一个窗口打开", "Already open in another window"],
  other_tab_more: ["请关闭那个窗口；两个窗口会各记一半", "Close the other one: two of them would each keep half the records"],
  broken: ["引导程序停止了", "The guide has stopped"],
  broken_more: ["已完成的拣货都已保存，请重新载入", "Everything picked is saved; load the page again"],
  storage: ["平板的存储空间已满", "The tablet's storage is full"],
  storage_more: ["请腾出空间后重新载入；已记录的不会丢", "Make room and load the page again; what is recorded stays"],
  not_taken: ["出错了：请看卡片，没有变化就再做一次", "That failed: look at the card, and do it again if nothing has changed"],
  mixed: ["门店数据前后不一致", "The store's data are of two versions"],
  mixed_more: ["请稍后重新载入；仍然如此时请通知管理员", "Load again in a moment; if this stays, the box needs to be restarted"],
  left: ["{names} 的记录还没有全部送达：请用这个名称再配对一次", "Not all records of {names} are delivered: pair this tablet under that name once more"],
  no_box: ["连不上服务端", "The box cannot be reached"],
  no_box_more: ["第一次使用需要联网；请检查网络", "The first start needs the network; check it"],
  retry: ["重试", "Try again"],
  too_fast: ["请稍等", "One moment"],
};

const store = globalThis.localStorage;
let first = 0;
try { first = store?.getItem("language") === "en" ? 1 : 0; } catch { /* refused: the default */ }

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

// The text of a key in the language that comes first, and in the other one.
export function say(key, values = {}) { return filled(WORDS[key][first], values); }
export function also(key, values = {}) { return filled(WORDS[key][1 - first], values); }
export function chosen(zh, en) { return first ? en : zh; }
export function other(zh, en) { return first ? zh : en; }
export function language() { return first ? "en" : "zh"; }
export function switchLanguage() {
  first = 1 - first;
  try { store?.setItem("language", language()); } catch { /* refused: until the next start */ }
  document.documentElement.lang = first ? "en" : "zh-CN";
}

// Settings of this tablet; a browser that refuses storage has the defaults.
export function setting(name, standard) {
  try {
    const value = store?.getItem(name);
    return value === null || value === undefined ? standard : value === "1";
  } catch { return standard; }
}
export function set(name, on) {
  try { store?.setItem(name, on ? "1" : "0"); } catch { /* until the next start */ }
}
