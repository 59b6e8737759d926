/** What callers may have: derivatives, budgets and rates. Spread into the list of all variables. */
import { AUTO, declare, integer, oneOf, quota } from '../environment.ts'

export const LIMITS = {
  maxVariants: declare(
    'MAX_VARIANTS',
    integer(1, 100_000),
    '64',
    'Derivatives of one version that each product may have: 16 sizes in four formats. Beyond, none is made ahead, and asking for one is answered 429.',
  ),
  budgetCpu: declare(
    'BUDGET_CPU_SECONDS',
    integer(0, 1_000_000_000),
    '0',
    'CPU a day (UTC) of derivatives made in the name of one product, s; one core has 86400. 0: as much as there is.',
  ),
  budgetProductBytes: declare(
    'BUDGET_PRODUCT_BYTES',
    integer(0, 2 ** 50),
    '0',
    'Bytes of originals that one product may bring; a camera photograph has 5 MB. 0: as many as there is room for.',
  ),
  budgetTenantBytes: declare(
    'BUDGET_TENANT_BYTES',
    integer(0, 2 ** 50),
    '0',
    'Bytes of originals of one tenant, whichever of its products brought them. 0: as many as there is room for.',
  ),
  rateLimits: declare(
    'RATE_LIMITS',
    oneOf(AUTO, 'enforce', 'observe'),
    AUTO,
    'What happens beyond a RATE_… of these: 429, or only headers and metrics; `auto` enforces where DATABASE_URL is set, for an embedded store has one user. What a product was given of its own is enforced either way.',
  ),
  rateResolve: declare(
    'RATE_RESOLVE',
    quota,
    '6000/60s',
    'Reads of one key: 100 a second on average, and the cache of a product may warm up at once; one costs 35 us of CPU.',
  ),
  rateCold: declare(
    'RATE_COLD',
    quota,
    '100/5s',
    'New derivatives that one key may ask for: 20 a second is what two cores make of photographs at 100 ms each.',
  ),
  rateIngest: declare('RATE_INGEST', quota, '100/2s', 'Uploads of one key: 50 a second, 100 at once.'),
  rateWrite: declare(
    'RATE_WRITE',
    quota,
    '100/2s',
    'Other changes by one key: 50 a second, 100 at once. Administrators are not limited.',
  ),
  rateAuth: declare(
    'RATE_AUTH',
    quota,
    '60/60s',
    'Failed credentials from one address (of IPv6 a /64); good ones from there go on being answered.',
  ),
  rateProductKeys: declare(
    'RATE_PRODUCT_KEYS',
    integer(0, 1_000_000),
    '4',
    'All keys of a product together have so many times what one has; 0 is as much as its keys have.',
  ),
  rateTenantKeys: declare(
    'RATE_TENANT_KEYS',
    integer(0, 1_000_000),
    '20',
    'All keys of a tenant together have so many times what one has: five products at their limit; 0 is as much as they have.',
  ),
} as const
