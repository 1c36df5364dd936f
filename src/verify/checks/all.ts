import { HarborError } from "../../base/errors.ts";
import { backupCheck } from "./backup.ts";
import type { Check } from "./check.ts";
import { dataCheck } from "./data.ts";
import { historyCheck } from "./history.ts";
import { integrityCheck } from "./integrity.ts";
import { schemaCheck } from "./schema.ts";

/** All checks, in the order in which they run: the quick ones first, so that a short time goes far. */
export const allChecks: readonly Check[] = [
  historyCheck,
  schemaCheck,
  integrityCheck,
  dataCheck,
  backupCheck,
];

/**
 * Returns the checks that are wanted, in their own order.
 *
 * @param only Names separated by commas; all checks without
 * @param skip The same, for what is left out
 * @throws {HarborError} `usage` for a name that no check has, and when nothing is left
 */
export function selectChecks(only: string | undefined, skip: string | undefined): readonly Check[] {
  const [wanted, unwanted] = [namesIn(only), namesIn(skip)];
  const names = allChecks.map((check) => check.name);
  const unknown = [...wanted, ...unwanted].find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new HarborError("usage", `Cannot check "${unknown}": known checks are ${names.join(", ")}`, {
      hint: "harbor-db verify --list",
    });
  }
  const checks = allChecks.filter(({ name }) =>
    (only === undefined || wanted.includes(name)) && !unwanted.includes(name)
  );
  if (checks.length > 0) return checks;
  throw new HarborError("usage", "Cannot verify: --only and --skip leave no check", {
    hint: "harbor-db verify --list",
  });
}

function namesIn(text: string | undefined): readonly string[] {
  return (text ?? "").split(",").map((name) => name.trim()).filter((name) => name !== "");
}
