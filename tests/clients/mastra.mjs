// Mastra with zod 3: every input schema is converted, and parsing keeps every argument that it publishes.
import { isDeepStrictEqual } from "node:util";
import { readFileSync } from "node:fs";
import { MCPClient } from "@mastra/mcp";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const [command, ...args] = JSON.parse(process.env.SERVER);
const problems = [];

// Arguments that name every property that a schema publishes.
const sample = (schema) => {
  if (schema.enum) return schema.enum[0];
  if (schema.type === "object")
    return Object.fromEntries(Object.entries(schema.properties ?? { free: { type: "string" } }).map(([name, part]) => [name, sample(part)]));
  if (schema.type === "array") return [sample(schema.items)];
  if (schema.type === "string") return { date: "2026-11-20", "date-time": "2026-11-20T12:00:00Z", email: "ann@example.com" }[schema.format] ?? "x";
  if (schema.type === "boolean") return true;
  return Math.max(schema.minimum ?? 1, 1);
};

const plain = new Client({ name: "probe", version: "1" });
await plain.connect(new StdioClientTransport({ command, args, stderr: "ignore" }));
const published = (await plain.listTools()).tools;
await plain.close();

const mastra = new MCPClient({ servers: { clientary: { command, args } } });
const tools = await mastra.getTools();
let converted = 0;
for (const { name, inputSchema } of published) {
  const given = sample(inputSchema);
  const parsed = tools[`clientary_${name}`].inputSchema.safeParse(given);
  if (!parsed.success) problems.push(`${name}: ${parsed.error.message.slice(0, 200)}`);
  else if (!isDeepStrictEqual(parsed.data, given)) problems.push(`${name} loses arguments: ${JSON.stringify(given)} becomes ${JSON.stringify(parsed.data)}`);
  else converted += 1;
}
const call = async (name, context) => {
  const answer = await tools[`clientary_${name}`].execute({ context });
  return answer.content?.[0]?.text ?? JSON.stringify(answer);
};
const lead = JSON.parse(await call("list_leads", { limit: 1 })).records[0].id;
const deletion = { lead_id: lead, confirm: true };
const refused = await call("delete_lead", deletion); // it declares elicitation, and has no handler yet
if (!refused.includes("CLIENTARY_ASK_USER=never")) problems.push(`delete_lead without a handler: ${refused}`);
await mastra.elicitation.onRequest("clientary", async () => ({ action: "accept", content: { agree: true } }));
const deleted = await call("delete_lead", deletion);
if (!deleted.includes('"done":true')) problems.push(`delete_lead: ${deleted}`);
await mastra.disconnect();
const of = (name) => `${name} ${JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version}`;
console.log(JSON.stringify({ versions: ["@mastra/mcp", "@mastra/core", "zod"].map(of).join(", "), tried: published.length, passed: converted, calls: 3, problems }));
process.exit(0);
