// The conformance suite: every scenario that each revision of the protocol requires, but those in conformance.yaml.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const suite = fileURLToPath(new URL("node_modules/@modelcontextprotocol/conformance", import.meta.url));
const { bin, version } = JSON.parse(readFileSync(`${suite}/package.json`));
const results = mkdtempSync(`${tmpdir()}/conformance-`);
const expected = "tests/clients/conformance.yaml";
const problems = [];
let tried = 0;
let passed = 0;
for (const revision of ["2025-11-25", "2026-07-28"]) {
  const options = ["server", "--url", process.env.SERVER, "--requirements", revision, "--expected-failures", expected, "--output-dir", results];
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${suite}/${bin.conformance}`, ...options], { encoding: "utf8", maxBuffer: 1e8 });
  const required = parse(readFileSync(`${suite}/requirements/${revision}.yaml`, "utf8")).server;
  const ended = new Map([...stdout.matchAll(/^([✓✗]) (\S+): /gm)].map(([, mark, scenario]) => [scenario, mark]));
  tried += required.length;
  passed += required.filter((scenario) => ended.get(scenario) === "✓").length;
  if (status !== 0) problems.push(`${revision}: ${stdout.slice(stdout.indexOf("\nTotal:")).trim()} ${stderr}`);
}
rmSync(results, { recursive: true });
console.log(JSON.stringify({ versions: `@modelcontextprotocol/conformance ${version}`, tried, passed, calls: 0, problems }));
