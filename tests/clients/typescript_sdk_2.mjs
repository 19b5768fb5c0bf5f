// The TypeScript SDK's second version, in the newer era of the protocol: reads, and deletes a lead after asking its user,
// where the question is an answer and the reply another call.
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [command, ...args] = JSON.parse(process.env.SERVER);
const problems = [];
let asked = 0;
const options = { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: "2026-07-28" } } };
const client = new Client({ name: "probe", version: "1" }, options);
client.setRequestHandler("elicitation/create", async () => {
  asked += 1;
  return { action: "accept", content: { agree: true } };
});
await client.connect(new StdioClientTransport({ command, args, stderr: "ignore" }));
const { tools } = await client.listTools();
// It checks structured content against the published output schema.
const call = async (name, given) => {
  const result = await client.callTool({ name, arguments: given });
  if (result.isError) problems.push(`${name}: ${result.content[0].text}`);
  return result.structuredContent ?? {};
};
const lead = (await call("list_leads", { limit: 1 })).records?.[0].id;
const deleted = await call("delete_lead", { lead_id: lead, confirm: true });
if (!deleted.done || asked !== 1) problems.push(`delete_lead, asked ${asked} times: ${JSON.stringify(deleted)}`);
await client.close();
const of = (name) => `${name} ${JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version}`;
console.log(JSON.stringify({ versions: of("@modelcontextprotocol/client"), tried: tools.length, passed: tools.length, calls: 2, problems }));
