// All of a kind in one bar, with what each part of it is.
const whole = (total, parts, unit, what) => [
  chart(what, bar(total, parts, reach([total], parts), unit, "All", { class: "whole" })),
  legend(parts, total, unit)
];
