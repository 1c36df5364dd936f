import type { RuleWords } from "./profile.ts";

/** Longer ones, in characters, are not loaded: what the application writes has about a hundred. */
export const longestMetadata = 10_000;

const rule = { table: "files", status: "fail" as const };

/** What can be wrong with a value of `files.metadata_json`, by name. */
export const metadataRules = {
  metadata_not_json: {
    ...rule,
    name: "metadata_not_json",
    words: "have a metadata_json that is not JSON",
    hint: "Write them anew, or NULL where nothing is known: the application fails to read them.",
  },
  metadata_empty: {
    ...rule,
    name: "metadata_empty",
    status: "warn" as const,
    words: "have an empty metadata_json instead of NULL",
    hint: "UPDATE files SET metadata_json = NULL WHERE metadata_json = ''",
  },
  metadata_shape: {
    ...rule,
    name: "metadata_shape",
    words:
      "are r2 files whose metadata_json is not {upload_method, r2_bucket, parts_count, part_size} with texts and numbers",
    hint:
      "Look at them beside the bucket, and write what is missing: SELECT id, metadata_json FROM files WHERE id = …",
  },
} satisfies Readonly<Record<string, RuleWords>>;

/**
 * Returns what is wrong with one file's metadata; `undefined` when nothing is.
 *
 * @param text `null` when it is longer than {@link longestMetadata}
 */
export function judgeMetadata(text: string | null, backend: unknown): RuleWords | undefined {
  if (text === null) return metadataRules.metadata_shape;
  if (text === "") return metadataRules.metadata_empty;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return metadataRules.metadata_not_json;
  }
  return backend !== "r2" || hasR2Shape(value) ? undefined : metadataRules.metadata_shape;
}

/** The last two are null for what was uploaded in one part. */
function hasR2Shape(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { upload_method, r2_bucket, parts_count, part_size } = value as Readonly<Record<string, unknown>>;
  return typeof upload_method === "string" && typeof r2_bucket === "string" &&
    [parts_count, part_size].every((each) => each === null || (Number.isInteger(each) && Number(each) > 0));
}
