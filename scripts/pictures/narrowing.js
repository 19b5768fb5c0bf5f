// One client or project by itself. Where the host can call tools, the name of a row is a button that calls the same
// tool for it alone; where it only takes messages, the button asks the model to.

// What became of that, below the row.
let remark;
const say = (button, words) => {
  remark?.remove();
  button.closest("li").append((remark = words));
};
// A page of its own, and the way back to the one that was there.
const turn = (button, name, answer, given) => {
  const page = main.firstChild,
    { scrollTop } = main,
    back = el("button", { "aria-label": "Back from " + name }, "‹ Back");
  back.onclick = () => {
    put(page);
    main.scrollTop = scrollTop;
    button.focus();
  };
  remark.remove();
  draw(answer, given, el("p", { class: "path" }, back, el("b", 0, name)));
  main.scrollTop = 0;
  back.focus();
};
const narrow = (button, name, only) => {
  if (button.ariaDisabled) return;
  const given = { ...asked, ...only },
    waits = note("Waiting for the answer …", "", "status");
  // A name is text of others, and a message speaks for the reader: it tells the id alone.
  const text = `Call ${view.tool} with ${JSON.stringify(only)}, and its other arguments as before.`;
  const sent = can.serverTools
    ? ask("tools/call", { name: view.tool, arguments: given })
    : ask("ui/message", { role: "user", content: [{ type: "text", text }] });
  const late = new Promise((done) => setTimeout(done, 60_000, failure("No answer came within a minute.")));
  button.ariaDisabled = true;
  say(button, waits);
  Promise.race([sent, late]).then((answer) => {
    button.ariaDisabled = null;
    // Not where the reader has gone on meanwhile.
    if (!waits.isConnected) return;
    if (answer.isError) say(button, refused(answer));
    else if (can.serverTools) turn(button, name, answer, given);
    else say(button, note("Asked in the conversation.", "", "status"));
  });
};
const heading = (row, rows) => {
  const name = (key) => row[key.slice(0, -3)],
    key = Object.keys(view.within ?? {}).find((key) => Number.isInteger(row[key]) && name(key));
  const able = key && asked && asked[key] != row[key] && (can.serverTools || can.message);
  const made = el(able ? "button" : "span", able && { class: "link" }, named(row, rows));
  made.onclick = able && (() => narrow(made, name(key), { [key]: row[key], ...view.within[key] }));
  return made;
};
