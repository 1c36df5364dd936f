import { HarborError } from "../../base/errors.ts";

/** Returns the error for a file of settings that cannot be taken. */
export function badConfig(path: string, state: string, hint?: string): HarborError {
  return new HarborError("bad_config", `Cannot read the settings in "${path}"`, {
    state,
    ...hint === undefined ? {} : { hint },
  });
}
