import { HarborError } from "../../base/errors.ts";

/** Says that a file of this machine is not what its digest says any more. */
export function changedFile(path: string): HarborError {
  return new HarborError("damaged_backup", `Cannot deliver "${path}"`, {
    state: "its bytes are not those that were written (SHA-256 differs)",
    hint: "Look for a failing disk (dmesg), and make another one: harbor-db backup",
  });
}
