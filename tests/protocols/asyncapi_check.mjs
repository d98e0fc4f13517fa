// Lets the official AsyncAPI parser judge documents:
//   node asyncapi_check.mjs PARSER/package.json DOCUMENT.YAML..
// Prints a line per document: {"channels", "operations", "messages", "diagnostics": [[severity, code, message,
// path]]}; severity 0 is an error, 1 a warning; the counts are null when the document was refused.
// The parser leaves the examples of AsyncAPI 3 alone: its own JSON Schema validator (ajv) holds them against
// payload and headers as the parser has resolved them, and what it says stands among the diagnostics.
import { createRequire } from "node:module";

const [parserPackage, ...files] = process.argv.slice(2);
const load = createRequire(parserPackage);
const { Parser, fromFile } = load(".");
const Ajv = load("ajv").default;

function examples(document) {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const found = [];
  for (const message of document ? document.components().messages().all() : []) {
    const parts = [["payload", message.payload()], ["headers", message.headers()]];
    for (const example of message.examples().all()) {
      for (const [part, schema] of parts) {
        const value = part === "payload" ? example.payload() : example.headers();
        if (!schema || value === undefined) continue;
        const { $id, ...plain } = schema.json();
        const fits = ajv.compile(plain);
        if (fits(value)) continue;
        found.push([0, `example-${part}`, ajv.errorsText(fits.errors), message.id()]);
      }
    }
  }
  return found;
}

for (const file of files) {
  const { document, diagnostics } = await fromFile(new Parser(), file).parse();
  console.log(
    JSON.stringify({
      channels: document ? document.channels().all().length : null,
      operations: document ? document.operations().all().length : null,
      messages: document ? document.messages().all().length : null,
      diagnostics: [
        ...diagnostics.map((each) => [
          each.severity, each.code, each.message, each.path.join("."),
        ]),
        ...examples(document),
      ],
    }),
  );
}
