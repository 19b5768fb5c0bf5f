// How much of each project's budget is used: in percent, so that hours and currencies share an axis.
const PARTS = [
  { key: "within", label: "Used within the budget" },
  { key: "over", label: "Over the budget", at: 3 }
];
picture({
  empty: "No project was found at that share of its budget.",
  tool: "project_status",
  within: { project_id: {} },
  draw: (data, rows) => {
    const measured = rows.filter((row) => row.percentage != null),
      over = measured.filter((row) => row.remaining < 0).length;
    const shares = measured.map((row) => row.percentage);
    const filled = rows.map((row) => ({
      ...row,
      within: Math.min(row.percentage ?? 0, 100),
      over: Math.max(row.percentage - 100 || 0, 0)
    }));
    const [, today] = /Today is\s([\d-]+)/.exec(data.basis) ?? [];
    return [
      el("p", { class: "muted" }, period({ as_of: today })),
      section(
        over ? `${number(over)} of ${number(measured.length)} over budget` : `${number(measured.length)} within budget`,
        legend(PARTS),
        el("p", { class: "muted" }, "The line across a bar is the whole budget."),
        beside([
          rows.length > measured.length && number(rows.length - measured.length) + " without a budget that is known"
        ]),
        bars(filled, {
          parts: PARTS,
          unit: percent,
          most: 10,
          what: "Budgets used",
          limit: (row) => row.percentage != null && 100,
          range: [Math.min(0, ...shares), Math.max(105, ...shares)],
          figure: (row) => (row.percentage == null ? show("budget", row.budget, row) : percent(row.percentage)),
          note: (row) => {
            const figure = (key, value = row[key]) => show(key, value, row);
            const left =
              row.remaining < 0 ? figure("remaining", -row.remaining) + " over" : figure("remaining") + " left";
            return [
              row.used != null && `${figure("used")} of ${figure("budget")}, ${left}`,
              row.unbilled_hours && figure("unbilled_hours") + " unbilled"
            ]
              .filter(Boolean)
              .join("; ");
          }
        })
      ),
      rows.length == 1 &&
        rowsOf(rows[0].people).length > 0 &&
        section(
          "Hours by person",
          bars(
            rows[0].people.map(({ name, hours }) => ({ person: name, hours })),
            {
              parts: [{ key: "hours", label: "worked", at: 1 }],
              unit: hours,
              most: 8,
              what: "Hours by person",
              figure: (row) => hours(row.hours)
            }
          )
        )
    ];
  }
});
