// The list of passes and what was tried and rejected -> spec/optimisations.md.
//
//   { name: "expand", says: "composite(x) => its expansion", from: 0 } -> | `expand` | -O0 | `composite(x) => its expansion` |
//
// What was rejected is written by hand, in spec/rejected-optimisations.md beside it: a list with numbers.

/** @typedef {{ name: string, says: string, from: number }} Pass */

/** @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|");

/**
 * @param {readonly Pass[]} passes
 * @param {string} rejected
 */
export function optimisationsDocument(passes, rejected) {
  const rows = passes.map(({ name, says, from }) => `| \`${name}\` | -O${from} | \`${cell(says)}\` |\n`);
  return `# Optimisations

Generated from compiler/passes and spec/rejected-optimisations.md by \`npm run generate\`. What each pass is for, counted on a training
step, is in test/golden/costs.md; what it makes of a small program, in test/journeys.

## Levels

- \`-O0\`: what kernels need and no more. Composites are expanded; every op is a kernel of its own, except that a chain of maps, each
  read once, is one.
- \`-O1\`: also all that is better at any lengths. Nothing is computed twice, with one exception: attention keeps no tensor of all pairs, so
  its gradients compute scores and weights again. Memory is then linear in the length, and a training step of GPT-2 small takes 3.6 % more
  operations (1.704 instead of 1.645 TFLOP); a text that fits the device is worth that to everybody.
- \`-O2\`: also what weighs work against memory at the lengths at which a program usually runs, and small values computed wherever they are
  read; where nothing is said.

All levels compute the same numbers up to rounding, from the same weights and checkpoints.

## What gradients compute again

- \`--remat none\`, where nothing is said: of each turn of a \`repeat\`, its backward turn reads what contractions, sums and norms gave, and
  computes maps, layout and random numbers again.
- \`--remat layer\`: it reads what was carried into the turn and computes all else again, attention and its logsumexp too. One more layer
  takes the memory of its input instead of all that is computed in it. A turn that is like neither of its neighbours is written out
  and no turn of a \`repeat\`: what is in it is read, as with none.

Both give the same numbers, bit for bit where the same kernels store the same values, otherwise up to rounding.

## Passes, in the order in which they run

| pass | from | what it does |
|---|---|---|
${rows.join("")}
## Looking at them

\`\`\`sh
tfmc compile model.tfm --time-passes                 # graphs, time, nodes before and after, share
tfmc compile model.tfm --explain-pass fuse           # what it rewrote, and where it did not fire and why, by place
tfmc compile model.tfm --dump-after simplify         # the graphs after it, to stderr; \`all\` for every pass
tfmc graph model.tfm --entry train --after eliminate --format svg > train.svg
\`\`\`

${rejected.replace(/^# /, "## ").trimEnd()}
`;
}
