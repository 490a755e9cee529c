import { jsonReply } from '../http.ts';
import type { Reply } from '../http.ts';
import type { FaultRule } from '../scenario.ts';
import { AwsError } from '../service.ts';

/** The registry protocol's code and status of what ECR's API calls by these names. */
const CODES: Record<string, readonly [code: string, status: number]> = {
  RepositoryNotFoundException: ['NAME_UNKNOWN', 404],
  ImageNotFoundException: ['MANIFEST_UNKNOWN', 404],
  LayersNotFoundException: ['MANIFEST_BLOB_UNKNOWN', 404],
  ReferencedImagesNotFoundException: ['MANIFEST_BLOB_UNKNOWN', 404],
  ImageTagAlreadyExistsException: ['TAG_INVALID', 400],
  InvalidParameterException: ['MANIFEST_INVALID', 400],
  InvalidLayerException: ['DIGEST_INVALID', 400],
  InvalidLayerPartException: ['BLOB_UPLOAD_INVALID', 416],
  UploadNotFoundException: ['BLOB_UPLOAD_UNKNOWN', 404],
  AccessDeniedException: ['DENIED', 403],
};

/** An error as the registry protocol words it. */
export function refuse(error: AwsError): Reply {
  const [code, status] = CODES[error.code] ?? [error.code, error.status];
  const { headers = {} } = error.extra as { headers?: Record<string, string> };
  const body = { errors: [{ code, message: error.message }] };
  return { ...jsonReply(status, body, { ...VERSION, ...headers }), code };
}

export const VERSION = { 'docker-distribution-api-version': 'registry/2.0' };

export function fault(rule: FaultRule): AwsError {
  const { code, message, status, kind } = rule;
  if (kind === 'throttle') {
    return new AwsError(code ?? 'TOOMANYREQUESTS', message ?? 'Rate exceeded', status ?? 429);
  }
  return new AwsError(code ?? 'UNKNOWN', message ?? 'unknown error', status ?? 500);
}

export function unauthorized(url: string): AwsError {
  const headers = { 'www-authenticate': `Basic realm="${url}/",service="ecr.amazonaws.com"` };
  return new AwsError('UNAUTHORIZED', 'Not Authorized', 401, { headers });
}
