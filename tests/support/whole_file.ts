import { endFile } from "./end_of_file.ts";

/**
 * Loaded before each file of tests: fails one that throws at its top level behind its first test. Deno runs the tests
 * before that and passes over the error, since `node:test` takes it for one of a test's, so that all that follow would be missing
 * from a run that passed.
 */
Deno.test.afterAll(async () => {
  // A module that threw throws the same again.
  try {
    await import(Deno.mainModule);
  } finally {
    await endFile();
  }
});
