// The Inspector's strict listing: no schema that some client cannot take, in either era of the protocol.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const [command, ...args] = JSON.parse(process.env.SERVER);
const inspector = fileURLToPath(new URL("node_modules/@modelcontextprotocol/inspector", import.meta.url));
const { bin, version } = JSON.parse(readFileSync(`${inspector}/package.json`));
let tried = 0;
const problems = [];
for (const era of ["legacy", "modern"]) {
  const options = ["--cli", command, ...args, "--method", "tools/list", "--strict", "--protocol-era", era, "--format", "json"];
  try {
    const listed = execFileSync(process.execPath, [`${inspector}/${bin["mcp-inspector"]}`, ...options], { stdio: "pipe", maxBuffer: 1e8 });
    tried += JSON.parse(listed).result.tools.length;
  } catch (failure) {
    problems.push(`${era}: ${failure.stderr ?? failure}`);
  }
}
console.log(JSON.stringify({ versions: `@modelcontextprotocol/inspector ${version}`, tried, passed: tried, calls: 0, problems }));
