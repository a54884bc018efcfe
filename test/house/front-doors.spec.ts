import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { libs, read, root } from './repository.js';

const parse = (path: string): ts.SourceFile => ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true);

/** A comment right above the statement counts, `//` as well as JSDoc. */
const hasDoc = (node: ts.Node): boolean => {
  const text = node.getSourceFile().text;
  return (ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []).length > 0;
};

/** A name that a file exports, and whether a line of doc says what it is. */
interface Exported {
  readonly name: string;
  readonly documented: boolean;
}

const isExported = (node: ts.Statement): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);

function declared(node: ts.Statement): Exported[] {
  const documented = hasDoc(node);
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.map(({ name }) => ({ name: name.getText(), documented }));
  }
  const name = (node as ts.DeclarationStatement).name;
  return name ? [{ name: name.getText(), documented }] : [];
}

function reExported(node: ts.ExportDeclaration, path: string): Exported[] {
  const from = node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : '';
  const file = join(dirname(path), from).replace(/\.js$/, '.ts');
  const inside = from.startsWith('.') && existsSync(join(root, file)) ? exportsOf(file) : [];
  if (!node.exportClause) return inside;
  if (!ts.isNamedExports(node.exportClause))
    return [{ name: node.exportClause.name.getText(), documented: hasDoc(node) }];
  return node.exportClause.elements.map((element) => {
    const origin = (element.propertyName ?? element.name).text;
    const documented = hasDoc(node) || hasDoc(element) || inside.some((one) => one.name === origin && one.documented);
    return { name: element.name.text, documented };
  });
}

/** All names of a module, through its re-exports. */
function exportsOf(path: string): Exported[] {
  return parse(path).statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) return reExported(statement, path);
    return isExported(statement) ? declared(statement) : [];
  });
}

/** `type ChatRequest = z.infer<typeof chatRequest>` is the same thing twice: one line of doc does for both. */
function undocumented(exported: readonly Exported[]): string[] {
  const told = new Set(exported.filter(({ documented }) => documented).map(({ name }) => name.toLowerCase()));
  return exported.filter(({ name }) => !told.has(name.toLowerCase())).map(({ name }) => name);
}

describe('every export of the front door has a line of doc', () => {
  it.each(libs)('%s', (lib) => {
    const exported = exportsOf(`${lib}/src/index.ts`);
    expect(exported.length).toBeGreaterThan(0);
    expect(undocumented(exported)).toEqual([]);
  });
});
