// Who worked how long, and on what.
const PARTS = [
  { key: "billable", label: "Billable" },
  { key: "rest", label: "Not billable" }
];
const split = (row) => ({ ...row, rest: row.hours - row.billable });
// With one decimal; all is 100 %, nothing is 0 %, and no part is either.
const share = (part, all) =>
  part && part < all ? Math.min(Math.max(Math.round((1e3 * part) / all) / 10, 0.1), 99.9) : part && 100;
const days = (count) => `${number(count)} working ${count == 1 ? "day" : "days"} without an entry`;
const shared = { parts: PARTS, unit: hours, figure: (row) => hours(row.hours) };
picture({
  empty: "No hours were found in these days.",
  tool: "timesheet_report",
  within: { project_id: {} },
  counts: ["entries", "without_description"],
  draw: (data, rows) => {
    const projects = new Map();
    for (const { project_id, project, client, hours, billable } of rows) {
      const so = projects.get(project_id) ?? { project_id, project, client, hours: 0, billable: 0 };
      projects.set(project_id, { ...so, hours: so.hours + hours, billable: so.billable + billable });
    }
    const people = rowsOf(data.people).map(split),
      total = split(rowsOf(data.totals)[0] ?? { hours: 0, billable: 0 });
    return [
      section(["All hours", el("span", 0, hours(total.hours))], whole(total, PARTS, hours, "All hours")),
      people.length &&
        section(
          "By person",
          bars(people, {
            ...shared,
            most: 8,
            what: "Hours by person",
            limit: (row) => row.capacity,
            range: reach([...people, ...people.map((row) => ({ billable: row.capacity }))], PARTS),
            note: (row) =>
              [
                row.hours && percent(share(row.billable, row.hours)) + " billable",
                row.capacity && `${percent(row.utilization)} of ${hours(row.capacity)} (the line)`,
                row.days_without_entries && days(row.days_without_entries)
              ]
                .filter(Boolean)
                .join(", ")
          })
        ),
      // Of some of the rows, sums would be too small.
      rows.length == data.row_count &&
        projects.size &&
        section(
          "By project",
          bars([...projects.values()].sort((one, other) => other.hours - one.hours).map(split), {
            ...shared,
            what: "Hours by project"
          })
        )
    ];
  }
});
