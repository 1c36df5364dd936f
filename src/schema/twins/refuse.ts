import { HarborError } from "../../base/errors.ts";

/** Makes the error for what SQLite cannot have, with what to use instead. */
export function refuse(thing: string, state: string, instead: string): HarborError {
  return new HarborError("bad_schema", `Cannot derive "${thing}": ${state}`, {
    hint: `Use ${instead}. Or keep the schema for PostgreSQL alone: export const dialects = ["postgresql"];`,
  });
}
