import assert from "node:assert/strict";
import { test } from "node:test";
import { type ColumnForm, rowsOfForm } from "../../src/base/row_form.ts";

const values = { text: "a", digits: "7", integer: 7, huge: 9007199254740993n, real: 1.5, nothing: null };

// One row a form: which of the values it takes.
const cases: readonly (readonly [ColumnForm, string])[] = [
  ["text", "text digits"],
  ["text?", "text digits nothing"],
  ["integer", "integer"],
  ["number", "integer real"],
  ["number?", "integer real nothing"],
  ["count", "digits integer huge"],
  [["a", "b"], "text"],
];
for (const [form, expected] of cases) {
  test(`a column of the form ${form} takes ${expected}`, () => {
    const takes = (value: unknown) => {
      try {
        rowsOfForm("it", { column: form }, [{ column: value }]);
        return true;
      } catch (error) {
        assert.equal((error as { code: string }).code, "not_a_database");
        return false;
      }
    };
    const taken = Object.entries({
      ...values,
      infinite: Infinity,
      missing: undefined,
      blob: new Uint8Array(1),
    })
      .filter(([, value]) => takes(value)).map(([name]) => name);
    assert.equal(taken.join(" "), expected);
  });
}

test("rows come back as they are, and what is not in the form may be anything", () => {
  const rows = [{ a: 1, b: new Uint8Array(1) }];
  assert.equal(rowsOfForm("it", { a: "integer" }, rows), rows);
});

test("the message names what was read and the column, and not the value", () => {
  assert.throws(
    () => rowsOfForm("harbor_version", { at: "text" }, [{ at: 4711 }]),
    { message: 'Cannot read "harbor_version": its column "at" holds no text' },
  );
});
