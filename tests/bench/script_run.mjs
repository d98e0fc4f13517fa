// Runs one script, with protocols/ importable, in the 32-bit MicroPython (WebAssembly):
//   node script_run.mjs MICROPYTHON.MJS REPO SCRIPT
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modulePath, repo, script] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(modulePath).href);
const mp = await loadMicroPython({
  heapsize: 4 * 1024 * 1024,
  stdout: (line) => console.log(line),
  linebuffer: true,
});

function copy(from, to) {
  mp.FS.mkdirTree(to);
  for (const entry of readdirSync(from)) {
    const source = join(from, entry);
    if (statSync(source).isDirectory()) {
      if (entry !== "__pycache__") copy(source, `${to}/${entry}`);
    } else if (entry.endsWith(".py")) {
      mp.FS.writeFile(`${to}/${entry}`, readFileSync(source));
    }
  }
}

copy(join(repo, "protocols"), "/repo/protocols");
mp.runPython('import sys\nsys.path.append("/repo")\n' + readFileSync(script, "utf8"));
