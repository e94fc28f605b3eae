// A folder of TypeScript modules that import each other -> the text of one classic script, for inlining into a page.
//
//   bundlePage("cli/report/page", "main.ts")   modules in the order of their imports, inside one function
//
// They may import types from anywhere and values from each other only; names at their top levels are all different.
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import ts from "typescript";

/** @param {string} folder @param {string} entry */
export function bundlePage(folder, entry) {
  /** @type {Map<string, string>} */
  const modules = new Map();
  /** @type {Map<string, string>} */
  const names = new Map();
  visit(folder, entry, modules, names, []);
  return `(() => {\n"use strict";\n${[...modules.values()].join("")}})();\n`;
}

/**
 * @param {string} folder @param {string} path @param {Map<string, string>} modules @param {Map<string, string>} names
 * @param {readonly string[]} trail
 */
function visit(folder, path, modules, names, trail) {
  if (trail.includes(path)) throw new Error(`import cycle: ${[...trail, path].join(" -> ")}`);
  if (modules.has(path)) return;
  const { outputText } = ts.transpileModule(readFileSync(join(folder, path), "utf8"), {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      removeComments: true,
      verbatimModuleSyntax: true,
    },
  });
  const file = ts.createSourceFile(path, outputText, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  const kept = file.statements.flatMap((statement) => {
    if (ts.isImportDeclaration(statement)) {
      const { text } = /** @type {ts.StringLiteral} */ (statement.moduleSpecifier);
      if (!text.startsWith(".")) throw new Error(`${path}: imports ${text}, which is not of this folder`);
      visit(folder, posix.join(posix.dirname(path), text).replace(/\.js$/, ".ts"), modules, names, [
        ...trail,
        path,
      ]);
      return [];
    }
    if (ts.isExportDeclaration(statement)) return [];
    for (const name of declared(statement)) {
      if (names.has(name)) throw new Error(`${path} and ${names.get(name)} both declare ${name}`);
      names.set(name, path);
    }
    return [statement.getText(file).replace(/^export /, "")];
  });
  modules.set(path, kept.map((text) => `${text}\n`).join(""));
}

/** @param {ts.Statement} statement @returns {readonly string[]} */
function declared(statement) {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const { name } = /** @type {{ name?: ts.Identifier }} */ (/** @type {unknown} */ (statement));
  return name ? [name.text] : [];
}
