// OpenAI's Agents SDK in JavaScript: every tool in strict mode, a read and a gated call through its function tools.
import { readFileSync } from "node:fs";
import { getAllMcpTools, MCPServerStdio, RunContext } from "@openai/agents";

const [command, ...args] = JSON.parse(process.env.SERVER);
const problems = [];
const server = new MCPServerStdio({ name: "clientary", command, args, cacheToolsList: true, clientSessionTimeoutSeconds: 60 });
await server.connect();
const listed = await server.listTools();
const tools = await getAllMcpTools({ mcpServers: [server], convertSchemasToStrict: true });
// A tool without arguments is served as it is: strict mode would have nothing to require.
const isStrict = (tool) => tool.strict || !Object.keys(tool.parameters.properties ?? {}).length;
const strict = tools.filter(isStrict);
problems.push(...tools.filter((tool) => !isStrict(tool)).map((tool) => `${tool.name} is not strict`));
const call = async (name, given) => {
  const tool = tools.find((each) => each.name === name);
  const answer = await tool.invoke(new RunContext(), JSON.stringify(given), {});
  const text = [answer].flat()[0].text;
  if (!text.startsWith("{")) throw new Error(`${name}: ${text}`);
  return JSON.parse(text);
};
const lead = (await call("list_leads", { limit: 1, query: "", from_date: "" })).records[0].id;
const deleted = await call("delete_lead", { lead_id: lead, confirm: true });
if (!deleted.done) problems.push(`delete_lead: ${JSON.stringify(deleted)}`);
await server.close();
const of = (name) => `${name} ${JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version}`;
console.log(JSON.stringify({ versions: of("@openai/agents"), tried: listed.length, passed: strict.length, calls: 2, problems }));
