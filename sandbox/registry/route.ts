/** What a request to /v2/ asks for. The operation is the name under which faults and the log know it. */
export interface Route {
  operation: string;
  account: string;
  region: string;
  /** The repository's name. */
  name: string;
  /** A tag, a digest or an upload's id. */
  reference: string;
}

const ROUTES: Record<string, Record<string, string>> = {
  blobs: { HEAD: 'HeadBlob', GET: 'GetBlob' },
  uploads: {
    POST: 'StartUpload',
    GET: 'GetUpload',
    PATCH: 'PatchUpload',
    PUT: 'PutUpload',
    DELETE: 'CancelUpload',
  },
  manifests: { HEAD: 'HeadManifest', GET: 'GetManifest', PUT: 'PutManifest' },
  tags: { GET: 'ListTags' },
  referrers: { GET: 'ListReferrers' },
};

const PATH =
  /^\/v2\/(\d{12})\/([a-z0-9-]+)\/(.+?)\/(?:(blobs\/uploads|blobs|manifests|referrers)\/([^/]*)|(tags)\/list)$/;

/** Undefined for a path that is none of the protocol's. `GET /v2/` is the ping. */
export function routeOf(method: string, path: string): Route | undefined {
  if (/^\/v2\/?$/.test(path)) return { operation: 'Ping', account: '', region: '', name: '', reference: '' };
  const [, account = '', region = '', name = '', kind = '', reference = '', tags] = PATH.exec(path) ?? [];
  const operation = ROUTES[tags ?? kind.replace('blobs/uploads', 'uploads')]?.[method];
  return operation === undefined ? undefined : { operation, account, region, name, reference };
}
