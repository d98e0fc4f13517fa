// What a tablet leaves behind when it is paired to another name: each name has a flash of its own in the browser's
// private storage, and only the name's own page sends what is in it. Beside each lies one byte: "1" from before the
// first record until all are delivered. It errs to that side: what cannot be read counts as not delivered.

const FLASH = /^flash-(.+)\.img$/;
export const mark = (device) => `unsent-${device}`;

// The names, other than `device` (null: all), whose records are not all delivered. folder: a directory handle.
export async function leftBehind(folder, device) {
  const found = [];
  for await (const name of folder.keys()) {
    const other = FLASH.exec(name)?.[1];
    if (other && other !== device && await isUnsent(folder, other)) found.push(other);
  }
  return found.sort();
}

async function isUnsent(folder, device) {
  try {
    const file = await (await folder.getFileHandle(mark(device))).getFile();
    return (await file.text()) !== "0";
  } catch {
    return true;
  }
}

// The mark of this tablet's own flash. handle: a FileSystemSyncAccessHandle.
export class Unsent {
  constructor(handle) {
    this.handle = handle;
    const byte = new Uint8Array(1);
    // a new one: nothing is known before the guide has counted
    this.on = handle.read(byte, { at: 0 }) === 1 ? byte[0] !== 48 : null;
  }

  // Durable on return. A mark that cannot be written is no reason to stop a pick.
  set(on) {
    if (on === this.on) return;
    try {
      this.handle.write(Uint8Array.of(on ? 49 : 48), { at: 0 });
      this.handle.flush();
      this.on = on;
    } catch (fault) {
      console.info(`storage: ${fault.name}`);
    }
  }
}
