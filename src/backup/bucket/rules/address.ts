import { HarborError } from "../../../base/errors.ts";

/** Where a bucket is, and what of it is ours. */
export interface BucketAddress {
  /** `s3://bucket/prefix`, without what else was said of it. */
  readonly display: string;
  /** The same with the service, where that is not Amazon's: two services may have a bucket of one name. */
  readonly place: string;
  /** The whole address, as a command line has to say it. */
  readonly written: string;
  readonly bucket: string;
  /** What every key of ours begins with: "" or `nightly/`. */
  readonly prefix: string;
  /** What keys are appended to: `https://s3.eu-west-1.amazonaws.com/bucket/`. */
  readonly base: string;
  readonly region: string;
}

/** What signs requests. */
export interface BucketKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that say where a service is; the first that is set counts. */
export const bucketVariables = {
  endpoint: ["HARBOR_DB_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
  region: ["HARBOR_DB_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"],
} as const;

/** The keys come out of one family of variables: half of one and half of another open nothing. */
const keyFamilies = ["HARBOR_DB_S3_", "AWS_"] as const;

const parameters: readonly string[] = ["endpoint", "region", "style"];

/** Whether an address is meant for a bucket, and not a folder. */
export function isBucketAddress(written: string): boolean {
  return /^s3:/i.test(written);
}

/**
 * Reads `s3://bucket/prefix?endpoint=https://…&region=…&style=path|host`. What it does not say of the service the
 * environment says, as for other S3 clients.
 *
 * Keys are no part of it: it stands in settings, units and logs.
 *
 * @throws {HarborError} `bad_config`
 */
export function parseBucketAddress(written: string, environment: Environment): BucketAddress {
  const [, bucket = "", path = "", query = ""] =
    /^s3:\/\/([A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9])(\/[^?#]*)?(\?[^#]*)?$/i.exec(written) ?? [];
  if (bucket === "") throw wrongAddress(written, whyNoBucket(written));
  const segments = path.split("/").filter((segment) => segment !== "");
  const isOdd = segments.some((segment) => !/^[A-Za-z0-9_.-]+$/.test(segment) || /^\.+$/.test(segment));
  if (isOdd) {
    throw wrongAddress(written, 'its prefix has something else than letters, digits, "_", "." and "-"');
  }
  const said = new URLSearchParams(query);
  if ([...said.keys()].some((name) => !parameters.includes(name))) {
    throw wrongAddress(written, `its parameters are ${parameters.join(", ")}, and it has another one`);
  }
  const endpoint = said.get("endpoint") ?? first(environment, bucketVariables.endpoint);
  const region = said.get("region") ?? first(environment, bucketVariables.region) ?? "us-east-1";
  if (!/^[A-Za-z0-9-]{1,60}$/.test(region)) {
    throw wrongAddress(written, "its region, or that of the environment, is no region");
  }
  const service = parseEndpoint(written, endpoint ?? `https://s3.${region}.amazonaws.com`);
  const style = said.get("style") ?? (endpoint === undefined && !bucket.includes(".") ? "host" : "path");
  if (style !== "host" && style !== "path") throw wrongAddress(written, "its style is path or host");
  const display = ["s3:/", bucket, ...segments].join("/");
  return {
    display,
    place: endpoint === undefined ? display : `${display} at ${service.host}`,
    written,
    bucket,
    prefix: segments.map((segment) => `${segment}/`).join(""),
    base: style === "host"
      ? `${service.protocol}//${bucket}.${service.host}${service.pathname}`
      : `${service.origin}${service.pathname}${bucket}/`,
    region,
  };
}

function whyNoBucket(written: string): string {
  const [, name = ""] = /^s3:\/\/([A-Za-z0-9._-]+)(?:[/?]|$)/i.exec(written) ?? [];
  if (name === "") return "it is not s3://bucket/prefix";
  if (name.length < 3 || name.length > 63) return "the name of a bucket has 3 to 63 characters";
  return /^[._-]|[._-]$/.test(name)
    ? "the name of a bucket begins and ends with a letter or a digit"
    : "it is not s3://bucket/prefix";
}

/**
 * Returns the keys that the environment has.
 *
 * @throws {HarborError} `bad_config` when one is missing
 */
export function findBucketKeys(
  { display }: Pick<BucketAddress, "display">,
  environment: Environment,
): BucketKeys {
  const family = keyFamilies.find((each) => environment[`${each}ACCESS_KEY_ID`] !== undefined) ?? "AWS_";
  const [accessKeyId, secretAccessKey, sessionToken] = ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"]
    .map((name) => environment[`${family}${name}`] || undefined);
  const odd = ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"]
    .find((name) => /[^\x21-\x7e]/.test(environment[`${family}${name}`] ?? ""));
  if (odd !== undefined) {
    throw new HarborError("bad_config", `Cannot open "${display}"`, {
      state: `${family}${odd} has a space, a line break or another character that no key has`,
      hint: "Copy it once more, as one line.",
    });
  }
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    return { accessKeyId, secretAccessKey, ...sessionToken === undefined ? {} : { sessionToken } };
  }
  const missing = `${family}${accessKeyId === undefined ? "ACCESS_KEY_ID" : "SECRET_ACCESS_KEY"}`;
  throw new HarborError("bad_config", `Cannot open "${display}"`, {
    state: `there is no ${missing} in the environment`,
    hint: [
      "Give both in the environment, or the files that hold them:",
      "AWS_ACCESS_KEY_ID_FILE and AWS_SECRET_ACCESS_KEY_FILE",
    ],
  });
}

function first(environment: Environment, names: readonly string[]): string | undefined {
  return names.map((name) => environment[name]).find((value) => value !== undefined && value !== "");
}

function parseEndpoint(written: string, endpoint: string): URL {
  const url = URL.parse(endpoint);
  const isService = url !== null && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "";
  // An address with a key in it is not to be repeated.
  if (url !== null && (url.username !== "" || url.password !== "")) {
    throw wrongAddress(written, "its endpoint holds a user or a password");
  }
  if (!isService) throw wrongAddress(written, "its endpoint is not https://host or http://host");
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** Returns an address as it may be shown: one that can be read holds no secret, of another the beginning is shown at most. */
export function shownBucketAddress(written: string): string {
  try {
    return parseBucketAddress(written, {}).written;
  } catch {
    return bare(written);
  }
}

/** Leaves out what may hold a secret where it does not belong. */
function bare(written: string): string {
  const [, rest = ""] = /^s3:\/*([^]*)$/i.exec(written.replace(/[?#][^]*$/, "")) ?? [];
  return /[:@]/.test(rest) || rest === "" ? "s3://…" : `s3://${rest}`;
}

function wrongAddress(written: string, state: string): HarborError {
  return new HarborError("bad_config", `Cannot read the address "${bare(written)}"`, {
    state,
    hint: "Write it so: s3://bucket/prefix, with ?endpoint=https://… where the service is not Amazon's.",
  });
}
