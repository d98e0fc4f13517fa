// The page in Chinese. A text that is not here stays English.

export const ZH = {
  // time
  "age unknown": "时间未知", "{0} s": "{0}秒", "{0} min {1} s": "{0}分{1}秒", "{0} min": "{0}分钟", "{0} h {1} min": "{0}小时{1}分", "{0} d": "{0}天",
  "since {0}": "自{0}起", "since {0} ({1})": "自{0}起（{1}）", "{0} ago": "{0}前", "in {0}": "还有{0}", "local time": "本地时间", "Time": "时间",
  "{0} late": "迟到{0}", "{0} to spare": "余{0}", "came {0} late": "延迟{0}送达", "received {0}": "收到于{0}",
  // frame
  "Tools": "工具", "Replay": "回放", "Order …": "派单…", "Devices": "设备", "Log out": "退出", "Key figures": "关键指标", "viewer": "查看", "dispatcher": "调度", "admin": "管理员",
  "Close": "关闭", "loading …": "加载中…", "find": "查找", "open": "详情", "The gateway does not answer. Try again.": "网关没有应答，请重试。",
  // health
  "act": "处理", "look": "关注", "ok": "正常", "usual": "一般", "✓ All well": "✓ 一切正常", "▲ {0} need help": "▲ {0}人需要支援",
  "this page": "本页面", "NOT LIVE": "已断开", "live": "在线", "connecting": "连接中", "no data for {0}": "{0}没有数据", "up": "正常", "DOWN": "中断", "down {0}": "中断{0}",
  "commit log": "提交日志", "TROUBLE": "故障", "writing": "写入中", "boards' broker": "设备消息服务", "upstream": "上游", "a log went back": "日志倒退", "this screen's clock": "本机时钟",
  "{0} slow": "慢{0}", "{0} fast": "快{0}", "Ages follow the gateway's clock.": "时间以网关时钟为准。", "yellow / red {0}": "黄/红 {0}",
  "answers": "应答时间", "record to feed": "记录到上游", "a commit takes": "提交耗时", "last commit": "上次提交", "log age": "日志积压时长", "log fill": "日志占用", "refused": "拒绝", "silent boards": "静默设备",
  "alert delay": "警报延迟", "clocks": "时钟偏差", "registry": "设备登记", "certificate": "证书", "disk free": "剩余磁盘",
  "answers of this page and of the intake are slow": "本页面和接单接口应答缓慢", "from a live record's arrival to the upstream's word": "从实时记录到达至上游确认", "the disk of [site] data is slow": "数据磁盘缓慢",
  "nothing was committed for so long: disk or lock": "长时间没有提交：请检查磁盘或锁", "the oldest row that is not out; look at the upstream": "最早的未发出记录；请检查上游", "of what [commit] allows; then positions are dropped": "占允许容量的比例；满后丢弃位置",
  "a sink is not connected": "有上游未连接", "the devices' broker is not connected": "设备消息服务未连接", "messages that are refused; see gw_dropped_total": "被拒绝的消息；见 gw_dropped_total",
  "of devices that say they are online, silent for 2 min": "自称在线但静默2分钟的设备比例", "from an alert's time on the board to the feed": "从设备发出警报至上游", "this clock against the boards' (GNSS)": "本机时钟与设备卫星时间之差",
  "the registry cannot be read: who was revoked may speak": "无法读取设备登记：已吊销的设备可能仍被接受",
  "until the next certificate ends": "距下一个证书到期", "left on the disk of [site] data": "数据磁盘剩余",
  "The gateway does not answer this page: everything below is {0} old or older. Trying again every second.": "网关没有应答：下面的内容至少是{0}之前的。每秒重试。",
  "The stream stands still; trying to open it again.": "数据流停止，正在重新连接。", "{0}. Nothing is committed or acknowledged; the boards keep their records.": "{0}。暂不提交也不确认；设备保留记录。",
  "No new positions or temperatures until it is back. Boards keep their records.": "恢复前没有新的位置和温度；设备保留记录。", "{0} rows wait here, on disk.": "{0}条记录在本机磁盘等待。",
  "So many times a board offered a log that ends before what was committed of it: nothing is taken from it. See the gateway's log.": "设备提供的日志早于已提交内容的次数：不予接收，请查看网关日志。",
  // bottom line
  "committed": "已提交", "waiting": "等待发出", "repeats removed": "已去重", "gaps / lost": "缺口/丢失", "unreadable": "无法读取", "gateway up": "网关运行",
  "records accepted from boards since the gateway started": "网关启动以来从设备接收的记录", "feed messages that a sink has not acknowledged yet": "上游尚未确认的消息", "records that boards sent again and that were removed": "设备重发并已去除的记录",
  "jumps in the boards' logs, and how many records they lost": "设备日志的缺口数和丢失的记录数", "records or frames that could not be read; kept as they came": "无法读取的记录或帧；按原样保留", "how long the gateway has been running: the counters begin there": "网关运行时间：计数从此开始",
  // map
  "Map": "地图", "Map of riders and their trails. Arrow keys pan, plus and minus zoom, 0 fits all.": "骑手和轨迹地图。方向键移动，加减键缩放，0显示全部。", "No positions yet.": "还没有位置。", "The map begins with the first position a board sends.": "收到第一个位置后显示地图。",
  "Zoom in": "放大", "Zoom out": "缩小", "Fit": "全部", "Show all riders, and keep showing them": "始终显示所有骑手", "Draw the map in WGS-84 or in GCJ-02, the datum of maps of mainland China": "地图坐标系：WGS-84 或中国大陆地图的 GCJ-02", "Legend": "图例",
  "carried on": "推算", "held, estimated or in doubt": "保持、估计或存疑", "silent": "静默", "accuracy (1 σ)": "精度（1σ）", "follow {0}": "跟随 {0}", "following {0}": "正在跟随 {0}", "tiles: {0}": "底图：{0}",
  "The board tells where it is only when going straight on would be wrong. Dashed: from where it was told to where it should be by now, at most 60 s on": "设备只在直行推算不准时才报告位置。虚线：从报告处到现在应在之处，最多60秒", "Longer without a position than this board ever leaves: 10 s, or 90 s for one that tells only when it matters": "超过设备应有的报告间隔：10秒，按需报告的设备90秒",
  "One standard deviation: the receiver's own estimate, or its HDOP times what its kind of fix is good for": "一倍标准差：接收机自身估计，或HDOP乘以该类定位的精度", "seen {0} ago": "{0}前见到", "silent {0}": "静默{0}", "told {0} ago": "{0}前报告",
  // replay
  "Replay of the last hour": "最近一小时回放", "one minute back": "后退一分钟", "one minute on": "前进一分钟", "speed": "速度", "Back to now": "回到现在", "Pause": "暂停", "Play": "播放", "nothing has been recorded yet": "还没有记录", "{0} alarms in this hour": "这一小时有{0}次警报",  "◆ too much for one picture: not all of it is shown": "◆ 内容过多：未全部显示",
  "⟲ REPLAY {0}": "⟲ 回放 {0}", "This is the past: what is known now about then. Back to now: Esc, or the button below the map.": "这是过去：以现在所知还原当时。按Esc或地图下方按钮回到现在。",
  // temperature
  "Cold boxes": "冷箱", "Temperature": "温度", "Temperature of every cold-box sensor over time": "各冷箱传感器温度曲线", "No temperatures yet.": "还没有温度。", "{0} only": "仅{0}", "{0} sensors": "{0}个传感器", "the {0} that matter most shown": "显示最重要的{0}个", "▲ {0} outside their range": "▲ {0}个超出范围", "✕ {0} without signal": "✕ {0}个无信号",
  "sensor {0}": "传感器{0}", "no signal": "无信号", "no limits": "无限值", "{0} to {1} °C": "{0} 至 {1} °C", "{0} to {1}": "{0} 至 {1}", "{0} · the order's profile": "{0} · 订单温控标准", "{0} · usual, not told": "{0} · 常规值，未告知", "and {0} more": "还有{0}个",
  "chilled": "冷藏", "frozen": "冷冻", "deep_chill": "冰鲜", "pharma": "药品", "hot": "热食", "ambient": "常温", "other": "其他",
  // riders
  "Riders, pickers and orders": "骑手、拣货员和订单", "Riders and pickers": "骑手和拣货员", "Nobody yet.": "还没有人。", "A rider appears here with the first record of their board.": "收到设备第一条记录后，骑手会显示在这里。", "rider": "骑手", "picker": "拣货员", "box": "箱", "store": "门店",
  "Need help": "需要支援", "Needed help when last known": "断开前需要支援", "Silent": "静默", "Not known now: last values of": "目前未知，最后数值", "Live": "在线", "Off": "离线", "{0} live · {1} silent · {2} off": "{0}在线 · {1}静默 · {2}离线", "last known": "最后已知",
  "presence ?": "在线状态未知", "online": "在线", "offline": "离线", "no position known here": "没有位置", "was": "曾", "{0} sats · {1} BeiDou": "{0}颗卫星 · {1}颗北斗", "standing": "静止", "on foot": "步行", "riding": "骑行", "sending its backlog": "正在补传", "last record {0} ago": "{0}前有记录",
  "N": "北", "NE": "东北", "E": "东", "SE": "东南", "S": "南", "SW": "西南", "W": "西", "NW": "西北",
  "held position": "保持位置", "cell position": "基站位置", "dead reckoning": "航位推算", "manual position": "手动位置", "simulated position": "模拟位置", "GCJ-02 position": "GCJ-02位置", "another datum": "其他坐标系", "estimated": "估计", "position jumped": "位置跳变", "under 4 satellites": "卫星少于4颗", "receiver in doubt": "接收机存疑", "sentences disagree": "语句不一致",
  // needs
  "may be late": "可能迟到", "intervene": "需介入", "compensate": "需赔付", "cold warn": "温度预警", "was out of range": "曾超温", "out of range": "超温", "sensor lost": "传感器失联", "alarm": "警报",
  // orders
  "Orders": "订单", "Order": "订单", "No open orders.": "没有进行中的订单。", "{0} open": "{0}单进行中", "▲ {0} need somebody": "▲ {0}单需处理", "the first {0} shown": "显示前{0}单", "✓ on time": "✓ 准时",
  "assigned": "已派单", "received": "已接收", "picked up": "已取货", "arrived": "已到达", "handed over": "已交付", "cancelled": "已取消", "failed": "失败", "expired": "已过期", "assign": "派单", "cancel": "取消",
  "next:": "下一站：", "pick up": "取货", "hand over": "交付", "◆ {0} will miss their time": "◆ {0}单将迟到",
  "Follow this rider on the map": "在地图上跟随该骑手", "Cancel this order …": "取消此订单…", "Temperature of the order's sensors": "该订单传感器温度", "No temperatures of this order.": "该订单没有温度记录。", "Older events are not shown.": "更早的事件未显示。", "taken {0}": "{0}接单",
  "promised": "承诺时间", "delay risk": "延误风险", "cold chain": "冷链", "verdict": "判定", "house": "楼栋", "floor {0}": "{0}层",
  "Order for a rider": "给骑手派单", "What": "操作", "Device": "设备", "Customer (lat, lon)": "顾客（纬度, 经度）", "Pick-up (lat, lon)": "取货点（纬度, 经度）", "Promised": "承诺时间", "Goods": "货品", "no cold chain": "非冷链", "Reason": "原因", "Send": "发送",
  "the place is written as: latitude, longitude in degrees": "位置格式：纬度, 经度（度）", "✓ was taken before; nothing changed": "✓ 之前已接收，没有变化", "✓ taken: it is on the disk and goes to the board": "✓ 已接收：已写入磁盘并下发设备",
  // devices
  "Find a device": "查找设备", "All counters of the gateway": "网关全部计数", "the same for Prometheus": "Prometheus格式", "{0} devices, {1} on line; {2} shown": "{0}台设备，{1}台在线；显示{2}台", "device": "设备", "kind": "类型", "presence": "在线", "firmware": "固件", "runs on": "平台", "boot": "启动次数",
  "open orders": "进行中订单", "site": "站点", "today called": "今日代号", "✕ ended {0} ago": "✕ {0}前到期", "enrolled": "已登记", "revoked": "已吊销", "replaced": "已更换", "unknown": "未知",
  // events
  "Events": "事件", "Find in events": "查找事件", "Show levels": "显示级别", "Show streams": "显示类别", "streams": "类别", "No events.": "没有事件。", "alert": "提醒", "risk": "延误", "excursion": "温度", "integrity": "箱况", "exception": "异常", "order": "订单", "pick": "拣货", "health": "设备",
  "near": "即将到达", "approach": "接近中", "rode above 25 km/h": "骑行超过25 km/h", "for {0} s": "持续{0}秒", "up to {0} km/h": "最高{0} km/h", "overspeed": "超速", "on time again": "恢复准时", "none": "无", "warn": "预警", "out": "超温", "latched": "曾超温", "in": "正常",
  "too cold": "过冷", "too warm": "过热", "back in its range": "恢复正常", "air": "空气", "goods": "货品", "limit": "限值", "{0} unknown": "{0}未知", "{0} of {1} unknown": "{1}中有{0}未知", "cold chain:": "冷链：", "PASS": "合格", "FAIL": "不合格", "INCONCLUSIVE": "无法判定",
  "door open": "箱门打开", "door closed": "箱门关闭", "shock": "撞击", "tilt": "倾斜", "low battery": "电量低", "sensor swapped": "传感器被更换", "sensor found": "传感器恢复", "slew": "温度突变", "counter": "计数异常",
  "records {0} to {1} are lost": "记录{0}至{1}丢失", "overwritten": "被覆盖", "a record could not be read": "一条记录无法读取", "restarted a part:": "重启部件：", "silent for {0}": "静默{0}", "board started, boot {0}": "设备启动，第{0}次", "after: {0}": "原因：{0}", "new configuration refused: {0}": "新配置被拒绝：{0}",
  "at {0}": "位于{0}", "{0} started: {1} lines": "{0}开始：{1}行", ", in the list's order {0}": "，按单顺序{0}", "walk {0} ({1})": "步行{0}（{1}）", "{0} done: {1} picked, {2} short": "{0}完成：拣{1}，缺{2}", "walked {0}": "步行{0}", "{0} refused": "{0}被拒绝", "short: found {0} of": "缺货：找到{0} /",
  "bin confirmed": "货位确认", "picked": "已拣", "list taken": "已领单", "substituted": "已替换", "skipped": "已跳过", "undone": "已撤销", "aisle blocked": "通道受阻", "aisles opened": "通道恢复",
};
