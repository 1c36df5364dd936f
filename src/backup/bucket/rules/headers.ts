/** What an object says of its content, as it was when it was stored. */
export const digestHeader = "x-amz-meta-sha256";

/** The condition under which nothing is overwritten. */
export const onlyNew = { "if-none-match": "*" } as const;
