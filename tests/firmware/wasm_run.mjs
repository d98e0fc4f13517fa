// Runs one shared test file, or a script, in the 32-bit MicroPython (WebAssembly):
//   node wasm_run.mjs MICROPYTHON.MJS REPO TEST_NAME | SCRIPT.py
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modulePath, repo, name] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(modulePath).href);
const mp = await loadMicroPython({
  heapsize: 16 * 1024 * 1024,
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

for (const folder of ["protocols", "firmware", "ar_picking/guide", "tests/shared"]) {
  copy(join(repo, folder), `/repo/${folder}`);
}
mp.FS.mkdirTree("/repo/ar_picking");
mp.FS.writeFile("/repo/ar_picking/__init__.py", "");
const setUp = 'import sys\nsys.path.append("/repo")\nsys.path.append("/repo/tests/shared")\n';
if (name.endsWith(".py")) mp.runPython(setUp + readFileSync(name, "utf8"));
else mp.runPython(`${setUp}from run import run\nrun(["${name}"])\n`);
