import assert from "node:assert/strict";
import { test } from "node:test";
import { closing, commaParts, cursorAt, foldedName, tokensOf, topLevel } from "../../src/sql/cursor.ts";
import type { Token } from "../../src/sql/lexer.ts";

const cursor = (sql: string) => cursorAt(tokensOf(sql, "sqlite"));
const texts = (tokens: readonly Token[]) => tokens.map(({ text }) => text).join(" ");

test("take() steps over words only if all of them come next", () => {
  const at = cursor("create /* a */ table t");
  assert.equal(at.take("CREATE", "INDEX"), false);
  assert.equal(at.take("CREATE", "TABLE"), true);
  assert.equal(at.take("TABLE"), false);
  assert.equal(texts(at.rest()), "t");
});

test("take() takes a quoted name for no keyword, and a sign for what it is", () => {
  const at = cursor(`"TABLE" ( '('`);
  assert.equal(at.take("TABLE"), false);
  at.next();
  assert.equal(at.take("("), true);
  assert.equal(at.take("("), false);
});

// One row a name: how it is written, what name() returns, what is left.
const names = [
  ["files x", "files", "x"],
  ['"my files" x', "my files", "x"],
  ["IF NOT EXISTS files x", "files", "x"],
  ['IF EXISTS main."files" x', "files", "x"],
  ["if x", "if", "x"],
  ["'text' x", "", "x"],
  ["", "", ""],
] as const;
for (const [written, name, left] of names) {
  test(`name() reads ${written || "nothing"}`, () => {
    const at = cursor(written);
    assert.equal(at.name(), name);
    assert.equal(texts(at.rest()), left);
  });
}

test("seek() goes by what stands outside of parentheses, and stays where there is none", () => {
  const at = cursor("WITH a AS (DELETE FROM b) UPDATE c SET d = 1");
  assert.equal(at.seek("INSERT"), null);
  assert.equal(at.seek("DELETE", "UPDATE"), "UPDATE");
  assert.equal(at.name(), "c");
});

test("topLevel(), commaParts() and closing() go by parentheses that are signs", () => {
  const tokens = tokensOf("a, f(b, ')'), c", "sqlite");
  assert.equal(texts(topLevel(tokens)), "a , f , c");
  assert.deepEqual(commaParts(tokens).map(texts), ["a", "f ( b , ')' )", "c"]);
  assert.equal(closing(tokens, 3), 7);
  assert.equal(closing(tokens.slice(0, 5), 3), 5);
});

test("foldedName() tells names apart as their dialect does", () => {
  const of = (written: string, dialect: "sqlite" | "postgresql") =>
    foldedName(tokensOf(written, dialect)[0], dialect);
  assert.equal(of("Files", "postgresql"), "files");
  assert.equal(of('"Files"', "postgresql"), "Files");
  assert.equal(of('"Files"', "sqlite"), "files");
  assert.equal(of("'Files'", "sqlite"), null);
  assert.equal(of("ÄRGER", "postgresql"), "Ärger");
  assert.equal(of('"İSTANBUL"', "sqlite"), "İstanbul");
});
