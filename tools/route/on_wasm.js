// Runs a job of tools/route/on_board.py in the 32-bit MicroPython (WebAssembly) under node:
//   node on_wasm.js MICROPYTHON.MJS CODE_FOLDER JOB HEAP_BYTES
// The code folder holds .mpy files; bytecode lies in the heap here, for there is no ROM to run it from.
const { readFileSync, readdirSync, statSync } = require("node:fs");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");

async function main([modulePath, code, job, heap]) {
  const { loadMicroPython } = await import(pathToFileURL(modulePath).href);
  const mp = await loadMicroPython({
    heapsize: Number(heap),
    stdout: (line) => console.log(line),
    linebuffer: true,
  });
  const copy = (from, to) => {
    mp.FS.mkdirTree(to);
    for (const entry of readdirSync(from)) {
      const source = join(from, entry);
      if (statSync(source).isDirectory()) copy(source, `${to}/${entry}`);
      else mp.FS.writeFile(`${to}/${entry}`, readFileSync(source));
    }
  };
  copy(code, "/code");
  mp.FS.writeFile("/job", readFileSync(job));
  mp.runPython('import sys\nsys.path[:] = ["/code"]\nfrom tools.route.on_board import run\nrun("/job")\n');
}

main(process.argv.slice(2));
