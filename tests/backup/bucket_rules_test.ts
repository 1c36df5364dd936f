import assert from "node:assert/strict";
import { test } from "node:test";
import { findBucketKeys, parseBucketAddress } from "../../src/backup/bucket/rules/address.ts";
import { parseListPage, renderParts } from "../../src/backup/bucket/rules/answers.ts";
import { partSize, usualPart } from "../../src/backup/bucket/rules/part_size.ts";
import { isManifestName } from "../../src/backup/rules/manifest.ts";
import { HarborError } from "../../src/base/errors.ts";

// One row an address: what it says, in which environment, and where requests go; or what is wrong with it.
const addresses: readonly (readonly [string, Readonly<Record<string, string>>, string | RegExp])[] = [
  ["s3://copies", {}, "https://copies.s3.us-east-1.amazonaws.com/ + '' in us-east-1"],
  ["s3://copies/", {}, "https://copies.s3.us-east-1.amazonaws.com/ + '' in us-east-1"],
  [
    "s3://copies/a//b/",
    { AWS_REGION: "eu-west-1" },
    "https://copies.s3.eu-west-1.amazonaws.com/ + 'a/b/' in eu-west-1",
  ],
  ["s3://co.pies/a", {}, "https://s3.us-east-1.amazonaws.com/co.pies/ + 'a/' in us-east-1"],
  ["s3://copies/a?endpoint=http://[::1]:9", {}, "http://[::1]:9/copies/ + 'a/' in us-east-1"],
  [
    "s3://copies?endpoint=https://x.example/storage/s3",
    {},
    "https://x.example/storage/s3/copies/ + '' in us-east-1",
  ],
  [
    "s3://copies?endpoint=https://x.example&region=auto&style=host",
    {},
    "https://copies.x.example/ + '' in auto",
  ],
  [
    "s3://copies",
    { AWS_ENDPOINT_URL: "https://other", AWS_ENDPOINT_URL_S3: "https://x.example" },
    "https://x.example/copies/ + '' in us-east-1",
  ],
  ["s3://copies?region=here", { AWS_REGION: "there" }, "https://copies.s3.here.amazonaws.com/ + '' in here"],
  ["s3://co/a", {}, /has 3 to 63 characters/],
  ["s3://-copies", {}, /begins and ends with a letter or a digit/],
  ["s3://copies#a", {}, /is not s3:/],
  ["s3://key:hidden@copies/a", {}, /is not s3:/],
  ["s3://copies/../a", {}, /its prefix has something else/],
  ["s3://copies/a b", {}, /its prefix has something else/],
  ["s3://copies?hidden=1", {}, /it has another one/],
  ["s3://copies/key:hidden@x", {}, /its prefix has/],
  ["s3://KEY:hidden/copies", {}, /is not s3:/],
  ["s3:key:hidden@copies", {}, /is not s3:/],
  ["s3://copies?region=hidden/b", {}, /no region/],
  ["s3://copies?style=odd", {}, /style is path or host/],
  ["s3://copies?region=a/b", {}, /no region/],
  ["s3://copies?endpoint=ftp://x", {}, /endpoint is not/],
  ["s3://copies?endpoint=https://me:hidden@x", {}, /holds a user or a password/],
  ["s3://copies", { AWS_ENDPOINT_URL: "https://me:hidden@x" }, /holds a user or a password/],
];
for (const [written, environment, expected] of addresses) {
  test(`parseBucketAddress() reads ${written} with ${JSON.stringify(Object.keys(environment))}`, () => {
    if (typeof expected === "string") {
      const { base, prefix, region } = parseBucketAddress(written, environment);
      return assert.equal(`${base} + '${prefix}' in ${region}`, expected);
    }
    assert.throws(() => parseBucketAddress(written, environment), (error) => {
      assert.ok(error instanceof HarborError && error.code === "bad_config", String(error));
      assert.match(error.message, expected);
      assert.doesNotMatch(JSON.stringify(error), /hidden/);
      return true;
    });
  });
}

// One row an environment: which keys are taken, or which is missing.
const keys: readonly (readonly [Readonly<Record<string, string>>, string | RegExp])[] = [
  [{ AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" }, "a b "],
  [{ AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_SESSION_TOKEN: "c" }, "a b c"],
  [
    {
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
      HARBOR_DB_S3_ACCESS_KEY_ID: "c",
      HARBOR_DB_S3_SECRET_ACCESS_KEY: "d",
    },
    "c d ",
  ],
  [{ AWS_SECRET_ACCESS_KEY: "b", HARBOR_DB_S3_ACCESS_KEY_ID: "c" }, /no HARBOR_DB_S3_SECRET_ACCESS_KEY/],
  [{ AWS_ACCESS_KEY_ID: "a" }, /no AWS_SECRET_ACCESS_KEY/],
  [
    { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_SESSION_TOKEN: "c\nd" },
    /AWS_SESSION_TOKEN has/,
  ],
  [{}, /no AWS_ACCESS_KEY_ID/],
];
for (const [environment, expected] of keys) {
  test(`findBucketKeys() goes by one family: ${Object.keys(environment).join(", ") || "none"}`, () => {
    const find = () => findBucketKeys({ display: "s3://copies" }, environment);
    if (typeof expected !== "string") return assert.throws(find, expected);
    const { accessKeyId, secretAccessKey, sessionToken = "" } = find();
    assert.equal([accessKeyId, secretAccessKey, sessionToken].join(" "), expected);
  });
}

test("parseListPage() reads names as URLs write them, and the next part", () => {
  const page = parseListPage(
    `<?xml version="1.0"?><ListBucketResult xmlns="x"><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
    <NextContinuationToken>a&amp;b</NextContinuationToken><Contents><Key>a%01+b%2Bc</Key><Size>7</Size></Contents></ListBucketResult>`,
  );
  assert.deepEqual(page, { objects: [{ key: "a\u0001 b+c", bytes: 7 }], next: "a&b" });
});

test("renderParts() writes what a service said so that it stays one text", () => {
  assert.match(
    renderParts(['"a"', "</ETag>"]),
    /<ETag>&quot;a&quot;<\/ETag>.*<PartNumber>2<\/PartNumber><ETag>&lt;\/ETag&gt;</,
  );
});

test("partSize() keeps to the number of parts that there may be", () => {
  const gibibyte = 1024 ** 3;
  for (const bytes of [1, gibibyte, 5000 * gibibyte]) {
    const size = partSize(bytes, usualPart);
    assert.ok(size >= usualPart && bytes / size <= 10_000, `${bytes}: ${size}`);
  }
});

// One row a name that something in a bucket may have: whether it is looked at.
const names: readonly (readonly [string, boolean])[] = [
  ["openharbor-20260728T101112123Z-71dda59686db.db.json", true],
  ["openharbor-20260728T101112123Z-71dda59686db.db", false],
  ["../a.db.json", false],
  [".hidden.json", false],
  ["a/b.json", false],
  ["a b.json", false],
  ["\u001b[31m.json", false],
  [".json", false],
];
for (const [name, expected] of names) {
  test(`isManifestName() says ${expected} of ${JSON.stringify(name)}`, () =>
    assert.equal(isManifestName(name), expected));
}
