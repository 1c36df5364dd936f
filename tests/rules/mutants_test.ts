import assert from "node:assert/strict";
import { test } from "node:test";
import { mutants } from "../../scripts/mutants/all.ts";
import { faultOf } from "../../scripts/mutants/mutant.ts";

test("every change of scripts/mutants can still be made", async () => {
  const faults = await Promise.all(mutants.map(faultOf));
  assert.deepEqual(faults.filter((fault) => fault !== null), []);
});
