// The TypeScript SDK's client: lists the tools, reads, and deletes a lead after asking its user.
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const [command, ...args] = JSON.parse(process.env.SERVER);
const problems = [];
let asked = 0;
const client = new Client({ name: "probe", version: "1" }, { capabilities: { elicitation: {} } });
client.setRequestHandler(ElicitRequestSchema, async () => {
  asked += 1;
  return { action: "accept", content: { agree: true } };
});
await client.connect(new StdioClientTransport({ command, args, stderr: "ignore" }));
const { tools } = await client.listTools();
const call = async (name, given) => {
  const result = await client.callTool({ name, arguments: given });
  if (result.isError) problems.push(`${name}: ${result.content[0].text}`);
  return result.structuredContent ?? JSON.parse(result.content[0].text);
};
const lead = (await call("list_leads", { limit: 1 })).records[0].id;
const deleted = await call("delete_lead", { lead_id: lead, confirm: true });
if (!deleted.done || asked !== 1) problems.push(`delete_lead: ${JSON.stringify(deleted)}`);
await client.close();
const of = (name) => `${name} ${JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version}`;
console.log(JSON.stringify({ versions: of("@modelcontextprotocol/sdk"), tried: tools.length, passed: tools.length, calls: 2, problems }));
