import type { Mutant } from "./mutant.ts";

/** Backups in a bucket: delivering, reading and removing them. */
export const bucketMutants: readonly Mutant[] = [
  {
    file: "backup/store/deliver.ts",
    find: "there.bytes === object.bytes && there.sha256 === object.sha256",
    replace: "there.bytes >= 0",
    danger: "another object passes for the copy that was delivered",
    tests: ["cli/bucket_test.ts"],
  },
  {
    file: "backup/bucket/rules/headers.ts",
    find: '{ "if-none-match": "*" } as const',
    replace: "{} as Record<string, string>",
    danger: "a delivery overwrites what came meanwhile",
    tests: ["backup/bucket_test.ts"],
  },
  {
    file: "backup/bucket/upload_parts.ts",
    find: '  if (whole.digest("hex") !== object.sha256) throw changedFile(path);\n',
    replace: "",
    danger: "what a failing disk made of a long copy is delivered as the copy",
    tests: ["backup/bucket_test.ts"],
  },
  {
    file: "backup/bucket/upload_parts.ts",
    find: "  await understood(upload, response, requireCompleted);\n",
    replace: "",
    danger: "an upload that the service says has failed passes for one that is there",
    tests: ["backup/bucket_test.ts"],
  },
  {
    file: "backup/bucket/upload_parts.ts",
    find: "    await takeBack(upload, uploadId);\n    throw error;",
    replace: "    throw error;",
    danger: "parts of uploads that failed stay and are paid for",
    tests: ["backup/bucket_test.ts"],
  },
  {
    file: "backup/bucket/requests.ts",
    find: 'redirect: "manual",',
    replace: 'redirect: "follow",',
    danger: "a signed request, and a copy with it, goes wherever a server sends it",
    tests: ["backup/bucket_test.ts"],
  },
  {
    file: "backup/bucket/bucket.ts",
    find: '"if-match": tag!',
    replace: '"x-none": tag!',
    danger: "half of one object and half of another are read as one",
    tests: ["backup/bucket_test.ts"],
    explained: "The whole is compared with its manifest's SHA-256 when it is there.",
  },
  {
    file: "backup/store/bucket_place.ts",
    find: "if (there.sha256 === manifest.sha256) {",
    replace: "if (there.sha256 !== null) {",
    danger: "older copies go for the sake of one that is another",
    tests: ["cli/bucket_test.ts"],
  },
  {
    file: "backup/store/bucket_place.ts",
    find: "found: compareDigest({ bytes, sha256: digest }, backup)",
    replace: "found: compareDigest(backup.manifest, backup)",
    danger: "a copy that was changed in the bucket is restored",
    tests: ["cli/bucket_test.ts"],
  },
  {
    file: "backup/rules/manifest.ts",
    find: "return file !== null && v.is(name, file);",
    replace: "return file !== null;",
    danger: "a name in a bucket leads out of the folder",
    tests: ["backup/bucket_rules_test.ts"],
  },
];
