import assert from "node:assert/strict";
import { type ErrorCode, HarborError } from "../../src/base/errors.ts";

/** Asserts that `promise` fails with that code and a message of the form that all have, and returns the error. */
export async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<HarborError> {
  const error = await promise.then(
    (value) => assert.fail(`It should fail with ${code}, but returned ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HarborError, `no HarborError: ${error instanceof Error ? error.stack : error}`);
  assert.equal(error.code, code, `${error.code} instead of ${code}: ${error.message}`);
  assert.match(error.message, /^Cannot [a-z ]+ "[^]*": [^]+/);
  return error;
}

/** Returns the error with which `promise` fails; throws any other than harbor-db's own. */
export async function failureOf(promise: Promise<unknown>): Promise<HarborError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HarborError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
