import * as v from "valibot";
import { HarborError, messageOf } from "../../base/errors.ts";
import { readRegularText } from "../../base/files/regular_file.ts";
import { replaceFile } from "../../base/files/replace_file.ts";
import { listOf, parseJson, readAs } from "../../base/json_schema.ts";

const fields = v.object({
  /** Where to: the address of a place, or the option whose command brought it there. */
  to: v.string(),
  /** When it was tried, ISO 8601 UTC; `null` when that is not known. */
  at: v.nullable(v.string()),
  /** Why it is not there; `null` when it is. */
  error: v.nullable(v.string()),
});

const form = v.object({ deliveries: listOf(v.pipe(fields, v.readonly())) });

/** What became of bringing a copy to another place. */
export type Delivery = Readonly<v.InferOutput<typeof fields>>;

/** Of a delivery that is under way, and of one that was killed. */
export const unended = "it did not come to its end";

/** Stands for the places of a record that cannot be read. */
const unknownPlace = "unknown";

/** A record of a few places is not longer. */
const mostBytes = 1024 * 1024;

/** Returns the path of the record of a backup's deliveries, which lies beside its file. */
export function deliveriesPathOf(file: string): string {
  return `${file}.deliveries`;
}

/**
 * Reads to which places a backup was to go, and what became of the last attempt for each. A backup that was to go nowhere
 * has no record; of one whose record cannot be read nobody knows whether it is anywhere else.
 */
export function readDeliveries(file: string): readonly Delivery[] {
  const path = deliveriesPathOf(file);
  const wrong = (field: string, state: string) =>
    new HarborError(
      "damaged_backup",
      `Cannot read "${path}": ${field === "" ? "it" : `its "${field}"`} ${state}`,
    );
  try {
    const text = readRegularText(path, mostBytes);
    return text === undefined ? [] : readAs(form, parseJson(text, wrong), wrong).deliveries;
  } catch (error) {
    return [{ to: unknownPlace, at: null, error: messageOf(error) }];
  }
}

/** Writes what became of an attempt, in the place of what the record has of the same place. */
export function recordDelivery(file: string, delivery: Delivery): void {
  const others = readDeliveries(file).filter(({ to }) => to !== delivery.to && to !== unknownPlace);
  const text = `${JSON.stringify({ deliveries: [...others, delivery] }, null, 2)}\n`;
  replaceFile(deliveriesPathOf(file), text, { mode: 0o600 });
}

/**
 * Brings a backup somewhere, and keeps a record of it from the beginning on: of an attempt that is killed, too, it is known
 * that it did not come to its end.
 *
 * @throws {HarborError} what `work` throws, also when the record cannot be written
 */
export async function withDeliveryRecord(
  file: string,
  { to, now }: { readonly to: string; readonly now: () => Date },
  work: () => Promise<void>,
): Promise<void> {
  const at = now().toISOString();
  recordDelivery(file, { to, at, error: unended });
  try {
    await work();
  } catch (error) {
    const isStopped = error instanceof HarborError && error.code === "interrupted";
    const state = error instanceof HarborError ? error.state : messageOf(error);
    recordDelivery(file, { to, at, error: isStopped ? "it was stopped on request" : state });
    throw error;
  }
  recordDelivery(file, { to, at, error: null });
}
