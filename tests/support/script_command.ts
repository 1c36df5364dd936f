import { join } from "node:path";
import process from "node:process";
import { projectFile } from "./project.ts";

/** The environment variable with the folder of the bundle when it is the bundle that is tested. */
export const bundleVariable = "HARBOR_TEST_BUNDLE";

/**
 * The environment variable that has Bun's allocator ask for large pages where it is `1`. A page fault is dear on a virtual machine, and
 * the binary meets a quarter as many: `status` takes two fifths less processor time, `check` half. A process holds more memory for it.
 */
export const largePages = "MIMALLOC_ALLOW_THP";

/**
 * The environment variable that keeps Bun from compiling a second time what runs often, where it is `0`: a test's program ends before
 * that pays, and `generate` takes a quarter less processor time. The bundle is tested with that compiler.
 */
export const secondCompiler = "BUN_JSC_useDFGJIT";

/**
 * Returns the command that runs a script of the checkout as the tests themselves run: on Deno, or from the bundle on
 * Bun.
 *
 * @param path In the checkout, such as `src/main.ts`
 */
export function scriptCommand(path: string): readonly string[] {
  // This process's own program is the runtime.
  const bundle = process.env[bundleVariable];
  if (bundle !== undefined) {
    // As the binary is made, see scripts/build_binary.ts.
    return [process.execPath, "--no-env-file", join(bundle, path.replace(/\.ts$/, ".js"))];
  }
  const deno = [process.execPath, "run", "--quiet", "--allow-all", "--no-check", "--no-lock"];
  return [...deno, "--config", projectFile("deno.json"), projectFile(path)];
}
