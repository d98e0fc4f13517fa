// Lets the official AsyncAPI parser judge documents:
//   node asyncapi_check.mjs PARSER/package.json DOCUMENT.YAML..
// Prints a line per document: {"channels", "operations", "messages", "diagnostics": [[severity, code, message,
// path]]}; severity 0 is an error, 1 a warning; the counts are null when the document was refused.
import { createRequire } from "node:module";

const [parserPackage, ...files] = process.argv.slice(2);
const { Parser, fromFile } = createRequire(parserPackage)(".");
for (const file of files) {
  const { document, diagnostics } = await fromFile(new Parser(), file).parse();
  console.log(
    JSON.stringify({
      channels: document ? document.channels().all().length : null,
      operations: document ? document.operations().all().length : null,
      messages: document ? document.messages().all().length : null,
      diagnostics: diagnostics.map((each) => [
        each.severity, each.code, each.message, each.path.join("."),
      ]),
    }),
  );
}
