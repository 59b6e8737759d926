/**
 * What Cedar policies may speak of. They are checked against it when the gateway starts, so that a name that is mistyped and an
 * attribute that may be missing are found there and not by a decision. docs/access.md prints it.
 */
import { ACTIONS } from './decide.ts'

export const CEDAR_SCHEMA = `entity Product;
entity Collection;
// Of a product, where it is the credential of one.
entity Principal in [Product] {
  kind: String, // key, token, link (a signed URL), share (a share link), anonymous
  scopes: Set<String>,
};
entity Asset in [Collection] {
  labels: Set<String>,
  mediaType?: String, // of the original, where it is known
};
action ${ACTIONS.join(', ')} appliesTo {
  principal: Principal,
  resource: [Asset, Collection],
  context: {
    tenant: String,
    product: Product, // in whose name
    role?: String, // of the edge that allowed it; an administrator needs none
    rendition?: String, // asked for
    client?: ipaddr, // address of the caller
    at: datetime,
  },
};
`
