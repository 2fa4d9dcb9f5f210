// SPDX-License-Identifier: Apache-2.0
// One case: what Windows does beside what happened, why that is known, the exchange, the command that repeats it.

let sourcesOfCases = null; // the entry that holds records and facts, set by the list

const BINDING = 1, DIFFERS = 2, CONTRADICTED = 4, OTHER_SIDE = 8;

/** See run_cases.py for what is in `block`. */
function caseView(block) {
  const rows = block.rows.map(caseRow);
  const own = rows.filter((row) => !row.other).sort((one, two) => two.differs - one.differs);
  const other = rows.filter((row) => row.other);
  return [
    el("p", {class: "title"}, block.title),
    el("p", {class: "badges"}, badge(block.verdict, block.tone, block.sign), " ", block.tags.map((one) => el("span", {class: "chip"}, one))),
    block.reason && el("p", {class: "reason" + toned(block.tone)}, block.reason),
    el("h4", {}, "What Windows does"),
    own.length ? compare({rows: own, expected: "Windows", actual: block.here}) : el("p", {class: "mute"}, "Nothing is known of this case."),
    block.exchange && [el("h4", {}, "The exchange"), exchange(block.exchange)],
    el("h4", {}, "Again"),
    KINDS.command({text: block.repeat}),
    plainFold("Settings and play", () => [
      block.settings.length ? KINDS.facts({rows: block.settings}) : el("p", {class: "mute"}, "No setting differs from the default."),
      el("ol", {class: "items play"}, block.play.map((one) => el("li", {}, el("code", {}, one)))),
      KINDS.facts({rows: [["scenario", block.source], ...block.clause.map((one) => ["clause", one])]})]),
    other.length ? plainFold("The other side, shown and never judged",
      () => [compare({rows: other, expected: "Windows", actual: "here"})]) : null,
    block.observed.length ? plainFold(`Everything observed, ${plural(block.observed.length, "path")}`,
      () => [KINDS.facts({rows: block.observed})]) : null,
  ].flat().filter(Boolean);
}

function badge(words, tone, sign) {
  return el("span", {class: "badge" + toned(tone)}, el("span", {"aria-hidden": "true"}, `${sign} `), words);
}

function caseRow([path, expected, actual, evidence, bits, records, missing, extra]) {
  const strength = `${evidence}, ${bits & BINDING ? "binding" : "advisory"}`;
  return {path, expected, actual, differs: Boolean(bits & DIFFERS), other: Boolean(bits & OTHER_SIDE), missing, extra,
    evidence: bits & CONTRADICTED ? `${strength}, contradicted` : strength,
    under: records.length ? () => recordsOf(records) : null};
}

function plainFold(words, make) {
  const details = el("details", {class: "fold"}, el("summary", {}, words));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(el("div", {class: "folded"}, make()));
  });
  return details;
}

/** The records behind an expectation, each with the facts it cites. */
async function recordsOf(numbers) {
  const {records, facts} = await opened(sourcesOfCases);
  return numbers.map((number) => {
    const [place, evidence, windows, note, cited] = records[number];
    return el("div", {class: "record"},
      el("p", {}, el("code", {}, place), ` ${evidence}`, windows && `, Windows ${windows}`),
      note && el("p", {class: "small"}, note), cited.map((name) => factOf(name, facts[name])));
  });
}

function factOf(name, [fact, citations, contradictions, resolved]) {
  return el("blockquote", {class: "fact"}, el("p", {}, fact),
    el("ul", {class: "citations"}, el("li", {}, el("code", {}, name)),
      citations.map(([kind, text]) => el("li", {}, el("span", {class: "chip"}, kind), " ", text)),
      contradictions.map((one) => el("li", {class: "tone-fair"}, `contradicted: ${one}`)),
      resolved && el("li", {}, `resolved: ${resolved}`)));
}
