/** Variables of the policy engines behind the matrix. */
import { bearerToken, decisionUrl, declare, integer, optional, text } from '../environment.ts'

export const POLICY_VARIABLES = {
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
}
