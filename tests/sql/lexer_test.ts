import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import { isWord, nameOf, type Token, tokenize, withoutComments } from "../../src/sql/lexer.ts";
import { type Seeded, seeded } from "../support/seeded.ts";

const letters = { word: "w", name: "n", string: "s", comment: "c", sign: "." } as const;

/** `w:SELECT .:* …`: the tokens of a text, each with its kind's letter. */
function show(text: string, dialect: Dialect): string {
  return tokenize(text, dialect).map((token) => `${letters[token.kind]}:${token.text}`).join(" ");
}

const both = ["sqlite", "postgresql"] as const;

// One row a rule: the dialects, the text and its tokens, or what the error says and where.
const cases: readonly (readonly [
  rule: string,
  dialects: readonly Dialect[],
  text: string,
  expected: string | readonly [state: string, offset: number],
])[] = [
  ["finds words, numbers and signs", both, "SELECT a1 , 1.5*_x", "w:SELECT w:a1 .:, w:1 .:. w:5 .:* w:_x"],
  ["takes letters of any script", both, "größe 名", "w:größe w:名"],
  ["takes a dollar within a word", both, "a$b", "w:a$b"],
  ["reads a string with doubled quotes", both, "'it''s;'x", "s:'it''s;' w:x"],
  ["reads a name with doubled quotes", both, `"a""b;"`, `n:"a""b;"`],
  ["reads a string over lines", both, "'a\n--b\n'", "s:'a\n--b\n'"],
  ["ends a line comment at the line's end", both, "a -- b 'c\nd", "w:a c:-- b 'c w:d"],
  ["ends a line comment at the text's end", both, "a --", "w:a c:--"],
  ["reads a block comment", both, "a/* ' \n */b", "w:a c:/* ' \n */ w:b"],
  ["takes one minus and one slash for signs", both, "a-b/c", "w:a .:- w:b .:/ w:c"],
  ["nests block comments", ["postgresql"], "/* /* */ */a", "c:/* /* */ */ w:a"],
  ["does not nest block comments", ["sqlite"], "/* /* */ a", "c:/* /* */ w:a"],
  ["does not take the end of a comment for its beginning", both, "/*/ a */b", "c:/*/ a */ w:b"],
  ["reads names in backquotes and brackets", ["sqlite"], "`a``b`[c]]d", "n:`a``b` n:[c] .:] w:d"],
  ["takes backquotes and brackets for signs", ["postgresql"], "a[1]", "w:a .:[ w:1 .:]"],
  ["reads dollar quotes", ["postgresql"], "$$a;'$$ $x$ $$ $x$", "s:$$a;'$$ s:$x$ $$ $x$"],
  ["takes dollars for signs", ["sqlite"], "$$a$$", ".:$ .:$ w:a$$"],
  ["takes a parameter for no quote", ["postgresql"], "$1 $2", ".:$ w:1 .:$ w:2"],
  ["takes dollars at a word's end for no quote", ["postgresql"], "a$$b$$", "w:a$$b$$"],
  ["escapes with a backslash in E strings", ["postgresql"], "E'\\'' e'a''b'", "s:E'\\'' s:e'a''b'"],
  ["escapes nothing in other strings", ["postgresql"], "'\\' x'1'", "s:'\\' w:x s:'1'"],
  ["has no E strings", ["sqlite"], "E'\\'", "w:E s:'\\'"],
  ["takes an E at a word's end for no string's", ["postgresql"], "type'\\'", "w:type s:'\\'"],
  ["finds nothing in nothing", both, " \n\t", ""],
  ["refuses a string that does not end", both, "a 'b''", ["string", 2]],
  ["refuses a name that does not end", both, 'a "b', ["quoted name", 2]],
  ["refuses a name in brackets that does not end", ["sqlite"], " [b", ["quoted name", 1]],
  ["refuses a comment that does not end", both, "a /* b", ["comment", 2]],
  ["refuses a comment that ends but once", ["postgresql"], "/* /* */", ["comment", 0]],
  ["refuses dollar quotes that do not end", ["postgresql"], "a $x$ $$ $y$", ["dollar-quoted string", 2]],
  ["refuses an E string that ends in an escape", ["postgresql"], "E'\\'", ["string", 0]],
];
for (const [rule, dialects, text, expected] of cases) {
  for (const dialect of dialects) {
    test(`tokenize() ${rule} (${dialect})`, () => {
      if (typeof expected === "string") assert.equal(show(text, dialect), expected);
      else {
        assert.throws(() => tokenize(text, dialect), (error: HarborError) => {
          assert.equal(error.code, "bad_script");
          assert.equal(error.message, `Cannot split the script: a ${expected[0]} does not end`);
          return error.details["offset"] === expected[1];
        });
      }
    });
  }
}

test("nameOf() takes the quotes off", () => {
  const names = tokenize(`a "b""c" \`d\`\`e\` [f] 'g' ; --h`, "sqlite").map(nameOf);
  assert.deepEqual(names, ["a", 'b"c', "d`e", "f", null, null, null]);
  assert.equal(nameOf(undefined), null);
});

test("isWord() takes a keyword in any case, and no quoted name", () => {
  const [word, other, name] = tokenize(`select selects "SELECT"`, "sqlite");
  assert.deepEqual([word, other, name, undefined].map((token) => isWord(token, "SELECT")), [
    true,
    false,
    false,
    false,
  ]);
});

test("withoutComments() leaves the rest in order", () => {
  assert.deepEqual(withoutComments(tokenize("a --b\n/* c */ d", "sqlite")).map(({ text }) => text), [
    "a",
    "d",
  ]);
});

/** Pieces of which texts are made that a lexer stumbles over. */
const pieces = [
  "'",
  "''",
  '"',
  '""',
  "`",
  "[",
  "]",
  "$",
  "$$",
  "$x$",
  "$1",
  "--",
  "-",
  "/*",
  "*/",
  "/",
  "*",
  "\\",
  "\\'",
  "E'",
  "e",
  ";",
  ",",
  "(",
  ")",
  ".",
  " ",
  "\n",
  "\r\n",
  "\t",
  "\u00a0",
  "\0",
  "a",
  "SELECT",
  "BEGIN",
  "END",
  "1.5",
  "ä",
  "\u{1f600}",
];

function holdsTogether(text: string, dialect: Dialect): readonly Token[] | null {
  let tokens: readonly Token[];
  try {
    tokens = tokenize(text, dialect);
  } catch (error) {
    assert.ok(error instanceof HarborError && error.code === "bad_script", String(error));
    const offset = Number(error.details["offset"]);
    assert.match(text.slice(offset), /^(?:'|"|`|\[|\$|e'|\/\*)/i, "it begins where something opens");
    return null;
  }
  let end = 0;
  let whole = "";
  for (const token of tokens) {
    const gap = text.slice(end, token.start);
    assert.match(gap, /^\s*$/, "nothing but blanks is left out");
    assert.equal(text.slice(token.start, token.start + token.text.length), token.text);
    assert.notEqual(token.text, "");
    whole += gap + token.text;
    end = token.start + token.text.length;
  }
  assert.equal(whole + text.slice(end), text, "the tokens and the blanks between them are the text");
  assert.match(text.slice(end), /^\s*$/);
  return tokens;
}

for (const dialect of both) {
  test(`tokenize() loses nothing of any text, and fails with a place only (${dialect})`, () => {
    const random = seeded(1);
    let whole = 0;
    for (let round = 0; round < 4_000; round++) {
      const text = random.some(14, () => random.oneOf(pieces)).join("");
      const tokens = holdsTogether(text, dialect);
      if (tokens === null) continue;
      whole++;
      for (const token of tokens) {
        const alone = tokenize(token.text, dialect);
        assert.deepEqual(
          alone,
          [{ ...token, start: 0 }],
          `${JSON.stringify(token)} of ${JSON.stringify(text)}`,
        );
      }
    }
    // Or the rounds would say nothing.
    assert.ok(whole > 500 && whole < 3_900, `${whole} texts had an end`);
  });

  test(`tokenize() gives back the tokens that a text was written of (${dialect})`, () => {
    const random = seeded(2);
    for (let round = 0; round < 2_000; round++) {
      const written = random.some(12, () => makeToken(random, dialect));
      const text = written.map(({ kind, text }) =>
        `${text}${kind === "comment" ? "\n" : random.oneOf([" ", "\n ", "\t"])}`
      )
        .join("");
      assert.deepEqual(tokenize(text, dialect).map(({ kind, text }) => ({ kind, text })), written, text);
    }
  });
}

function makeToken(random: Seeded, dialect: Dialect): Pick<Token, "kind" | "text"> {
  const inside = random.some(4, () => random.oneOf(["a", ";", "--", "/", "\n", "x", "(", "$", "\\\\"])).join(
    "",
  );
  const remark = inside.replaceAll("/", "");
  const kinds: readonly Pick<Token, "kind" | "text">[] = [
    { kind: "word", text: random.oneOf(["SELECT", "a1", "12", "_b", "c$d"]) },
    { kind: "name", text: `"${inside}""${inside}"` },
    { kind: "string", text: `'${inside}''${inside}'` },
    { kind: "comment", text: `--${inside.replaceAll("\n", "")}` },
    { kind: "comment", text: `/*${remark}*/` },
    { kind: "sign", text: random.oneOf([";", "(", ")", ",", ".", "=", "*"]) },
    ...dialect === "sqlite"
      ? [{ kind: "name" as const, text: `\`${inside}\`` }, { kind: "name" as const, text: `[${inside}]` }]
      : [
        { kind: "string" as const, text: `$t$${inside}$t$` },
        { kind: "string" as const, text: `E'${inside}\\'${inside}'` },
        { kind: "comment" as const, text: `/*${remark}/*${remark}*/${remark}*/` },
      ],
  ];
  return random.oneOf(kinds);
}
