// The Inspector's strict listing: no schema that some client cannot take, in either era of the protocol.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const [command, ...args] = JSON.parse(process.env.SERVER);
const inspector = fileURLToPath(new URL("node_modules/@modelcontextprotocol/inspector", import.meta.url));
const { bin, version } = JSON.parse(readFileSync(`${inspector}/package.json`));
let tried = 0;
let passed = 0;
const problems = [];
for (const era of ["legacy", "modern"]) {
  const options = ["--cli", command, ...args, "--method", "tools/list", "--strict", "--protocol-era", era, "--format", "json"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${inspector}/${bin["mcp-inspector"]}`, ...options], { encoding: "utf8", maxBuffer: 1e8 });
  if (!stdout.startsWith("{")) {
    problems.push(`${era}: ${stderr || `it ended with ${status}`}`);
    continue;
  }
  // Strictly, it fails on errors alone; here a warning is one, too.
  const { result, schemaFindings = [] } = JSON.parse(stdout);
  tried += result.tools.length;
  passed += result.tools.length - schemaFindings.length;
  problems.push(...schemaFindings.map((finding) => `${era}: ${JSON.stringify(finding)}`));
  if (status && !schemaFindings.length) problems.push(`${era}: it ended with ${status}: ${stderr}`);
}
console.log(JSON.stringify({ versions: `@modelcontextprotocol/inspector ${version}`, tried, passed, calls: 0, problems }));
