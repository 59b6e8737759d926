/** Who may see what, and for how long. */
import {
  bearerToken,
  decisionUrl,
  declare,
  flag,
  integer,
  networks,
  optional,
  sealingKeys,
  text,
} from '../environment.ts'

export const ACCESS = {
  trustedProxies: declare(
    'TRUSTED_PROXIES',
    networks,
    '',
    'Networks of proxies in front, like 10.0.0.0/8, by comma: only what they write into X-Forwarded-For is believed.',
  ),
  policyCedar: optional(
    'POLICY_CEDAR',
    text,
    'File or folder of Cedar policies (*.cedar) that may forbid what the matrix allows; needs the package @cedar-policy/cedar-wasm.',
  ),
  policyOpaUrl: optional(
    'POLICY_OPA_URL',
    decisionUrl,
    'Document of an Open Policy Agent that is asked before anything is allowed, e.g. http://127.0.0.1:8181/v1/data/matrix/authz.',
  ),
  policyOpaToken: optional('POLICY_OPA_TOKEN', bearerToken, 'Bearer token for an agent that asks for one.', true),
  policyOpaMs: declare(
    'POLICY_OPA_MS',
    integer(10, 10_000),
    '250',
    'How long the agent may take, ms; without a decision nothing is allowed (503).',
  ),
  deleteGraceHours: declare(
    'DELETE_GRACE_HOURS',
    integer(0, 87_600),
    '720',
    'For so long a deleted asset may be had back, h; then it is erased. 720 are 30 days.',
  ),
  jwksLoopback: declare(
    'JWKS_LOOPBACK',
    flag,
    '0',
    'Let issuers have their keys at http: on this machine (localhost, 127.0.0.0/8, ::1), where a sidecar fetches them; else https: alone.',
  ),
  signedUrlMaxSeconds: declare(
    'SIGNED_URL_MAX_SECONDS',
    integer(60, 31_622_400),
    '604800',
    'Longest life of a signed URL that is believed, s: 7 days; an hour on top for the window of its signer.',
  ),
  secretsKeys: optional(
    'SECRETS_KEY',
    sealingKeys,
    'Seals signing secrets at rest (AES-256-GCM): 32 bytes in hexadecimal or base64. Several, separated by commas: the first seals, all open. Without it they are kept as they are.',
    true,
  ),
} as const
