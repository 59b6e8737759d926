/** Printed by `npm run docs` from the variables; a test fails when it is stale. */

/** What `matrix.config.ts` may say; the environment wins. */
export interface MatrixConfig {
  /** PORT. Port of the gateway; 0 takes a free one. Default: 8080. */
  readonly port?: number
  /** HOST. Address to listen on. Default: 127.0.0.1. */
  readonly host?: string
  readonly ops?: {
    /** OPS_PORT. Port of /healthz, /readyz and /metrics in processes that are no gateway; by default they listen nowhere; 0 takes a free one. */
    readonly port?: number
  }
  readonly public?: {
    /** PUBLIC_URL. Base of links in answers; by default the address listened on. */
    readonly url?: string
  }
  /** ROLE. What this process runs: gateway and workers, or one of them. Default: all. */
  readonly role?: 'all' | 'gateway' | 'worker'
  /** ASSET_MATRIX_DATA. Folder of the embedded engines, keys and spool files. Default: .data. */
  readonly data?: string
  /** ASSET_MATRIX_TENANT. Tenant that the admin key belongs to and anonymous callers see. Default: demo. */
  readonly tenant?: string
  readonly admin?: {
    /** ASSET_MATRIX_ADMIN_KEY. Admin key; by default one is made and kept in the data folder. */
    readonly key?: string
  }
  /** ASSET_MATRIX_DEMO. Create the demo set on an empty embedded store. Default: 1. */
  readonly demo?: boolean
  readonly database?: {
    /** DATABASE_URL. Postgres 13 or newer; by default an embedded one. */
    readonly url?: string
    /** DATABASE_POOL. Connections for everything but the resolve path, which has 3 of its own. Default: 10. */
    readonly pool?: number
  }
  readonly redis?: {
    /** REDIS_URL. Redis of the queue, of shared rate limits and of streams of events; by default the queue is kept in Postgres, and there are no streams. */
    readonly url?: string
  }
  readonly s3?: {
    /** S3_ENDPOINT. S3 endpoint; by default an embedded server, or AWS when only S3_REGION is set. */
    readonly endpoint?: string
    /** S3_PUBLIC_ENDPOINT. Endpoint that presigned URLs name, when clients reach S3 by another address. */
    readonly publicEndpoint?: string
    /** S3_REGION. S3 region. */
    readonly region?: string
    /** S3_ACCESS_KEY_ID. S3 credential; by default the chain of the AWS SDK. */
    readonly accessKeyId?: string
    /** S3_SECRET_ACCESS_KEY. S3 credential. */
    readonly secretAccessKey?: string
    /** S3_BUCKET_ORIGINALS. Bucket of originals. Default: originals. */
    readonly bucketOriginals?: string
    /** S3_BUCKET_DERIVATIVES. Bucket of derivatives. Default: derivatives. */
    readonly bucketDerivatives?: string
    /** S3_BUCKET_STAGING. Bucket of uploads that have not been verified yet: the only one that clients write to. Default: staging. */
    readonly bucketStaging?: string
    /** S3_FORCE_PATH_STYLE. Bucket in the path (most S3 servers); 0 for AWS host style. Default: 1. */
    readonly forcePathStyle?: boolean
    /** ASSET_MATRIX_S3_PORT. Port of the embedded S3 server; 0 takes PORT + 1 where it is free. Default: 0. */
    readonly port?: number
  }
  readonly max?: {
    /** MAX_UPLOAD_BYTES. Largest direct upload: 100 MiB; 5 GiB is what one S3 PUT takes. Default: 104857600. */
    readonly uploadBytes?: number
    /** MAX_SOURCE_BYTES. Largest image that is transformed; it is held in memory once per decode process. Default: 52428800. */
    readonly sourceBytes?: number
    /** MAX_SOURCE_PIXELS. Pixels of a frame: 50 MP decode to 200 MB of RGBA. Default: 50000000. */
    readonly sourcePixels?: number
    /** MAX_SOURCE_SIDE. Pixels of the longer side: the limit of WebP. Default: 16383. */
    readonly sourceSide?: number
    /** MAX_FRAMES. Frames of an animation. Default: 200. */
    readonly frames?: number
    /** MAX_ANIMATION_PIXELS. Pixels of all frames together. Default: 50000000. */
    readonly animationPixels?: number
    /** MAX_FETCH_BYTES. Largest original that is fetched: as large as a direct upload. Default: 104857600. */
    readonly fetchBytes?: number
    /** MAX_STAGED_BYTES. Largest upload by presigned URLs: 5 GiB, which one S3 PUT of the original takes. Default: 5368709120. */
    readonly stagedBytes?: number
    /** MAX_OPEN_UPLOADS. Presigned uploads of one product that may be open at once; their announced bytes count to its budget. Beyond, 429. Default: 1000. */
    readonly openUploads?: number
    /** MAX_TRANSFORM_CPU_MS. CPU that one output may be estimated at, ms; a recipe that comes to more on an original is refused there. Default: 30000. */
    readonly transformCpuMs?: number
    /** MAX_WAIT_MS. Longest that a request may wait for a derivative, ms. Default: 10000. */
    readonly waitMs?: number
    /** MAX_RESUMABLE_BYTES. Largest upload by tus: 5 GiB, which is what one S3 PUT takes. The spool folder holds it once while it is verified. Default: 5368709120. */
    readonly resumableBytes?: number
    /** MAX_VARIANTS. Derivatives of one version that each product may have: 16 sizes in four formats. Beyond, none is made ahead, and asking for one is answered 429. Default: 64. */
    readonly variants?: number
  }
  readonly upload?: {
    /** UPLOAD_IDLE_MS. Longest silence within an upload, ms. Default: 30000. */
    readonly idleMs?: number
  }
  /** CLAMD. Daemon of ClamAV that looks into originals of collections with the rule `scan`: host:port, or the path of its socket. Asked by processes that sweep; the same in every process, like all of SCAN_…. */
  readonly clamd?: string
  readonly scan?: {
    /** SCAN_URL. Scanner behind HTTP for the same: the bytes are posted to it, and it answers {"clean": true} or {"clean": false, "signature": "…"}. */
    readonly url?: string
    /** SCAN_TOKEN. Sent to it as a bearer token. */
    readonly token?: string
    /** SCAN_TIMEOUT_MS. Silence of clamd, or the whole answer of the scanner behind HTTP, ms; then it is asked again later. Default: 120000. */
    readonly timeoutMs?: number
    /** SCAN_FRESH_SECONDS. For so long a verdict is good for the same bytes when they come again, s: scanners learn. Default: 604800. */
    readonly freshSeconds?: number
  }
  readonly fetch?: {
    /** FETCH_ALLOW. Networks and hosts inside, by comma, from which originals are fetched by URL, like 10.1.0.0/16 or dam.example.internal; by default only public addresses. */
    readonly allow?: string | readonly (string | number)[]
    /** FETCH_PORTS. Ports that originals are fetched from, by comma, or `any`. Default: 80,443. */
    readonly ports?: string | readonly (string | number)[]
    /** FETCH_MS. Longest that fetching an original may take with its redirects, ms: 100 MiB at 7 Mbit/s. Default: 120000. */
    readonly ms?: number
    /** FETCH_IDLE_MS. Longest silence of a source, ms. Default: 10000. */
    readonly idleMs?: number
    /** FETCH_AT_ONCE. Originals that a process fetches at once; beyond, 503. Default: 16. */
    readonly atOnce?: number
  }
  readonly source?: {
    /** SOURCE_KEEP_DAYS. For so long payloads of sources are kept as they came once all of them is done, d; within it one that is sent again is known. Default: 30. */
    readonly keepDays?: number
  }
  readonly webhook?: {
    /** WEBHOOK_ALLOW. Networks and hosts inside, by comma, that events may be told to by webhook, on any port; by default only public addresses. */
    readonly allow?: string | readonly (string | number)[]
    /** WEBHOOK_PORTS. Ports of public addresses that events may be told to, by comma, or `any`. Default: 80,443. */
    readonly ports?: string | readonly (string | number)[]
    /** WEBHOOK_SUBSCRIPTIONS. Subscriptions that a product may have, and administrators for the whole tenant: each costs a row for each event that it hears. Default: 20. */
    readonly subscriptions?: number
    /** WEBHOOK_TIMEOUT_MS. Longest that the receiver of an event may take, ms, from the look at its name to its answer; Standard Webhooks asks for 15 to 30 s. Default: 15000. */
    readonly timeoutMs?: number
    /** WEBHOOK_AT_ONCE. Most events that one receiver is told at once, each of another asset: begun with 8, one more with each run that it takes, half as many when it fails, then one at a time. Default: 32. */
    readonly atOnce?: number
    /** WEBHOOK_KEEP_DAYS. For so long deliveries that are over are listed, d; those that were given up can be tried again within it. Default: 30. */
    readonly keepDays?: number
  }
  readonly event?: {
    /** EVENT_STREAMS. Carry events into streams of the Redis of REDIS_URL, for groups of consumers that may read all of them; 0: not. Default: 1. */
    readonly streams?: boolean
  }
  readonly stream?: {
    /** STREAM_ASSETS_HOURS. For so long an event stays in the stream `assets`, h; the log has it after that, too. Default: 168. */
    readonly assetsHours?: number
    /** STREAM_RENDITIONS_HOURS. The same in the stream `renditions`, h. Default: 24. */
    readonly renditionsHours?: number
    /** STREAM_CONTRACTS_HOURS. The same in the stream `contracts`, h. Default: 168. */
    readonly contractsHours?: number
    /** STREAM_SYSTEM_HOURS. The same in the stream `system`, h. Default: 168. */
    readonly systemHours?: number
    /** STREAM_STALL_MS. A reader of streamed bytes who takes none for so long is cut off, ms: each one holds a connection to S3, of which there are 256. Default: 30000. */
    readonly stallMs?: number
  }
  readonly staged?: {
    /** STAGED_PART_BYTES. Presigned uploads beyond this are sent in parts of this size: 80 of 64 MiB make 5 GiB, and a lost connection costs one. Default: 67108864. */
    readonly partBytes?: number
    /** STAGED_URL_SECONDS. Life of a URL to put bytes to, s; a request that began in time may go on. Fresh ones are given until the upload ends. Default: 900. */
    readonly urlSeconds?: number
    /** STAGED_LIFE_SECONDS. After this a presigned upload that was not completed ends, and its bytes are removed, s. Default: 86400. */
    readonly lifeSeconds?: number
  }
  readonly import?: {
    /** IMPORT_LINES. Lines of one import; they are read whole before any of them is begun. Default: 10000. */
    readonly lines?: number
    /** IMPORT_BYTES. Bytes of the manifest of one import, which is held in memory while it is read: 16 MiB are 1.6 KiB a line. Default: 16777216. */
    readonly bytes?: number
    /** IMPORT_LANES. Lines that a gateway works on at once; each takes a connection of DATABASE_POOL for some of its time. 0: it leaves imports to other gateways. Default: 4. */
    readonly lanes?: number
  }
  readonly operation?: {
    /** OPERATION_KEEP_DAYS. For so long imports and backfills that are over are told, and imports can be undone, d. Receipts of erasures and rollouts are kept. Default: 90. */
    readonly keepDays?: number
  }
  /** WORKERS. Decode processes of this process: a number, or `cores` for as many as the machine has. Default: cores. */
  readonly workers?: number | 'cores'
  readonly avif?: {
    /** AVIF_PIXELS. Pixels of AVIF that one worker encodes at once in the background: it takes ten times what other formats do. Default: 8000000. */
    readonly pixels?: number
  }
  readonly wait?: {
    /** WAIT_QUEUE. Derivatives that may be waited for at once; of one product, three quarters of it. Beyond, 429 and 503. Default: 64. */
    readonly queue?: number
  }
  readonly decode?: {
    /** DECODE_SOFT_MS. After this the decoder is asked to stop, ms; in the background, at low priority, nine times as long. Default: 10000. */
    readonly softMs?: number
    /** DECODE_HARD_MS. After this without progress the decode process is killed, ms; in the background nine times as long. Of CPU it has as much for each output, and once more, in all. Default: 30000. */
    readonly hardMs?: number
    /** DECODE_MEMORY_BYTES. Memory of a decode process: 1 GiB holds 50 MP several times. Default: 1073741824. */
    readonly memoryBytes?: number
    /** DECODE_RECYCLE. Jobs after which a decode process is replaced. Default: 500. */
    readonly recycle?: number
  }
  readonly lease?: {
    /** LEASE_MS. How long a node belongs to a silent worker, ms; extended every third of it. Default: 60000. */
    readonly ms?: number
  }
  readonly poll?: {
    /** POLL_MS. How often workers look for work that no hint told them of, ms. Default: 2000. */
    readonly ms?: number
  }
  readonly presign?: {
    /** PRESIGN_SECONDS. Least life of a presigned URL, s: survives a clock that is 5 minutes off. Default: 300. */
    readonly seconds?: number
    /** PRESIGN_WINDOW_SECONDS. Callers within a window get the same URL, s; adds to its life. Default: 300. */
    readonly windowSeconds?: number
  }
  readonly stale?: {
    /** STALE_IF_AWAY_SECONDS. For so long after Postgres went away versions are answered on its last word, to signed URLs and where the edge is public, s; at most PRESIGN_SECONDS, so that what was taken back ends when it was said to. 0: not at all. Default: 300. */
    readonly ifAwaySeconds?: number
  }
  readonly resumable?: {
    /** RESUMABLE_SECONDS. How long an upload by tus may take from its creation on, s; what it left is removed afterwards. Default: 86400. */
    readonly seconds?: number
    /** RESUMABLE_OPEN. Uploads by tus that a product may have open at once. Each one that is being written to takes up to 8 MiB of memory. Default: 100. */
    readonly open?: number
  }
  readonly hot?: {
    /** HOT_BYTES. Memory of a gateway for derivatives that it streams, bytes; each may be a 128th of it: 512 KiB of 64 MiB. 0: none, every one is read from S3 each time. Default: 67108864. */
    readonly bytes?: number
  }
  readonly trusted?: {
    /** TRUSTED_PROXIES. Networks of proxies in front, like 10.0.0.0/8, by comma: only what they write into X-Forwarded-For is believed. */
    readonly proxies?: string | readonly (string | number)[]
  }
  readonly policy?: {
    /** POLICY_CEDAR. File or folder of Cedar policies (*.cedar) that may forbid what the matrix allows; needs the package @cedar-policy/cedar-wasm. */
    readonly cedar?: string
    /** POLICY_OPA_URL. Document of an Open Policy Agent that is asked before anything is allowed, e.g. http://127.0.0.1:8181/v1/data/matrix/authz. */
    readonly opaUrl?: string
    /** POLICY_OPA_TOKEN. Bearer token for an agent that asks for one. */
    readonly opaToken?: string
    /** POLICY_OPA_MS. How long the agent may take, ms; without a decision nothing is allowed (503). Default: 250. */
    readonly opaMs?: number
  }
  readonly delete?: {
    /** DELETE_GRACE_HOURS. For so long a deleted asset may be had back, h; then it is erased. 720 are 30 days. Default: 720. */
    readonly graceHours?: number
  }
  readonly jwks?: {
    /** JWKS_LOOPBACK. Let issuers have their keys at http: on this machine (localhost, 127.0.0.0/8, ::1), where a sidecar fetches them; else https: alone. Default: 0. */
    readonly loopback?: boolean
  }
  readonly signed?: {
    /** SIGNED_URL_MAX_SECONDS. Longest life of a signed URL that is believed, s: 7 days; an hour on top for the window of its signer. Default: 604800. */
    readonly urlMaxSeconds?: number
  }
  readonly secrets?: {
    /** SECRETS_KEY. Seals signing secrets at rest (AES-256-GCM): 32 bytes in hexadecimal or base64. Several, separated by commas: the first seals, all open. Without it they are kept as they are. */
    readonly key?: string | readonly (string | number)[]
  }
  readonly cdn?: {
    /** CDN_BASE_URL. Where a CDN in front of this gateway answers for /i/ and /s/: resolutions give its URLs where the edge streams; by default presigned ones of the store. */
    readonly baseUrl?: string
    /** CDN_SIGN_IN_PATH. Put the signature into the path of these URLs (/s/…/i/…) and not into the query: what shared caches keep of private edges. Default: 0. */
    readonly signInPath?: boolean
  }
  readonly purge?: {
    /** PURGE_WEBHOOK_URL. Called when caches in front have to forget something; the same in every process, like all of PURGE_…. */
    readonly webhookUrl?: string
    /** PURGE_WEBHOOK_SECRET. Signs these calls: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks). */
    readonly webhookSecret?: string
    /** PURGE_CLOUDFLARE_ZONE. Zone of Cloudflare that is told by cache tags. */
    readonly cloudflareZone?: string
    /** PURGE_CLOUDFLARE_TOKEN. API token of Cloudflare with the permission Cache Purge for the zone, and no other. */
    readonly cloudflareToken?: string
    /** PURGE_CLOUDFLARE_API. Base of the interface of Cloudflare: for an egress proxy, and for trying things. Default: https://api.cloudflare.com/client/v4. */
    readonly cloudflareApi?: string
    /** PURGE_FASTLY_SERVICE. Service of Fastly that is told by surrogate keys. */
    readonly fastlyService?: string
    /** PURGE_FASTLY_TOKEN. API token of Fastly with the scope purge_select. */
    readonly fastlyToken?: string
    /** PURGE_FASTLY_API. Base of the interface of Fastly: for an egress proxy, and for trying things. Default: https://api.fastly.com. */
    readonly fastlyApi?: string
    /** PURGE_CLOUDFRONT_DISTRIBUTION. Distribution of CloudFront that gets invalidations by cache tag; it needs CacheTagConfig with the header Cache-Tag. */
    readonly cloudfrontDistribution?: string
    /** PURGE_CLOUDFRONT_KEY_ID. AWS credential that may cloudfront:CreateInvalidation; by default the chain of the AWS SDK. */
    readonly cloudfrontKeyId?: string
    /** PURGE_CLOUDFRONT_SECRET. AWS credential. */
    readonly cloudfrontSecret?: string
    /** PURGE_CLOUDFRONT_API. Base of the interface of CloudFront: for an egress proxy, and for trying things. Default: https://cloudfront.amazonaws.com. */
    readonly cloudfrontApi?: string
    /** PURGE_VARNISH_URLS. Varnish servers with the reference VCL, by comma; each is told by itself. */
    readonly varnishUrls?: string | readonly (string | number)[]
    /** PURGE_VARNISH_TOKEN. Secret that these servers ask for in X-Purge-Token. */
    readonly varnishToken?: string
    /** PURGE_VERIFY_URL. Where a sample of what was purged is asked for afterwards, usually CDN_BASE_URL: one that is still there is purged again. By default nothing is asked. */
    readonly verifyUrl?: string
    /** PURGE_VERIFY_SECONDS. How long after the purge the sample is asked for, s; CloudFront may take a minute. Default: 10. */
    readonly verifySeconds?: number
  }
  readonly accel?: {
    /** ACCEL_SECRET. What the nginx in front says in `Matrix-Front`, 16 or more characters: only it is answered with X-Accel-Redirect. Without it, edges that deliver by accel stream. */
    readonly secret?: string
    /** ACCEL_PREFIX. Internal location of the nginx in front that X-Accel-Redirect names; behind it comes /o/. Default: /_matrix. */
    readonly prefix?: string
  }
  readonly budget?: {
    /** BUDGET_CPU_SECONDS. CPU a day (UTC) of derivatives made in the name of one product, s; one core has 86400. 0: as much as there is. Default: 0. */
    readonly cpuSeconds?: number
    /** BUDGET_PRODUCT_BYTES. Bytes of originals that one product may bring; a camera photograph has 5 MB. 0: as many as there is room for. Default: 0. */
    readonly productBytes?: number
    /** BUDGET_TENANT_BYTES. Bytes of originals of one tenant, whichever of its products brought them. 0: as many as there is room for. Default: 0. */
    readonly tenantBytes?: number
  }
  readonly rate?: {
    /** RATE_LIMITS. What happens beyond a RATE_… of these: 429, or only headers and metrics; `auto` enforces where DATABASE_URL is set, for an embedded store has one user. What a product was given of its own is enforced either way. Default: auto. */
    readonly limits?: 'auto' | 'enforce' | 'observe'
    /** RATE_RESOLVE. Reads of one key: 100 a second on average, and the cache of a product may warm up at once; one costs 35 us of CPU. Default: 6000/60s. */
    readonly resolve?: string
    /** RATE_COLD. New derivatives that one key may ask for: 20 a second is what two cores make of photographs at 100 ms each. Default: 100/5s. */
    readonly cold?: string
    /** RATE_INGEST. Uploads of one key: 50 a second, 100 at once. Default: 100/2s. */
    readonly ingest?: string
    /** RATE_WRITE. Other changes by one key: 50 a second, 100 at once. Administrators are not limited. Default: 100/2s. */
    readonly write?: string
    /** RATE_AUTH. Failed credentials from one address (of IPv6 a /64); good ones from there go on being answered. Default: 60/60s. */
    readonly auth?: string
    /** RATE_PRODUCT_KEYS. All keys of a product together have so many times what one has; 0 is as much as its keys have. Default: 4. */
    readonly productKeys?: number
    /** RATE_TENANT_KEYS. All keys of a tenant together have so many times what one has: five products at their limit; 0 is as much as they have. Default: 20. */
    readonly tenantKeys?: number
  }
  readonly breaker?: {
    /** BREAKER_STORAGE. Circuit breaker before the object store: failures (at least half of the calls) / within / then left alone for / probes that all have to succeed. Meanwhile it is asked once a second whether it is back, and the time counts from the last of that. Default: 3/30s/60s/2. */
    readonly storage?: string
    /** BREAKER_QUEUE. The same before the queue of hints. Default: 5/10s/5s/1. */
    readonly queue?: string
    /** BREAKER_JWKS. The same before each key set of an issuer. Default: 5/10s/30s/3. */
    readonly jwks?: string
    /** BREAKER_OPA. The same before the Open Policy Agent. Default: 5/10s/5s/3. */
    readonly opa?: string
    /** BREAKER_SCAN. The same before each scanner. Within less than twice SCAN_TIMEOUT_MS, one that hangs does not open it. Default: 3/5m/30s/3. */
    readonly scan?: string
  }
  /** TRACING. Whether spans are sent to a collector: `otel`, `off`, or `auto`: where OTEL_EXPORTER_OTLP_ENDPOINT names one. Needs the packages @opentelemetry/sdk-trace-node and @opentelemetry/exporter-trace-otlp-http. Default: auto. */
  readonly tracing?: 'auto' | 'otel' | 'off'
  readonly otel?: {
    /** OTEL_EXPORTER_OTLP_ENDPOINT. Collector of spans, by OTLP over HTTP; /v1/traces is put behind it. With TRACING=otel by default http://localhost:4318. */
    readonly exporterOtlpEndpoint?: string
    /** OTEL_SERVICE_NAME. Name of the service in traces. Default: asset-matrix. */
    readonly serviceName?: string
    /** OTEL_TRACES_SAMPLER_ARG. Share of the traces that begin here which is recorded, 0 to 1; whoever brings a trace decides himself. Default: 1. */
    readonly tracesSamplerArg?: number
  }
  readonly drain?: {
    /** DRAIN_MS. Grace for requests and nodes in hand at shutdown, ms. Default: 10000. */
    readonly ms?: number
  }
  readonly log?: {
    /** LOG_LEVEL. Least level that is logged: fatal, error, warn, info, debug or silent; `auto` is warn on a terminal, else info. Default: auto. */
    readonly level?: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent' | 'auto'
  }
  readonly router?: {
    /** How events leave: with it `router.url` or REDIS_URL has to be there. */
    readonly transport?: 'redis-streams'
    /** REDIS_URL */
    readonly url?: string
    /** Streams are `{matrix}:events:…`; deployments are kept apart by databases of Redis. */
    readonly topicPrefix?: 'matrix'
  }
  readonly contracts?: {
    /** Of the API and of the envelope. */
    readonly version?: 'v1'
    /** Every event is checked before it is committed, every request before it is done. */
    readonly validation?: 'strict' | true
    /** Contracts are printed from the code: GET /openapi.json and /v1/contracts. */
    readonly registry?: 'builtin'
  }
  readonly authz?: {
    /** The matrix decides; Cedar or an Open Policy Agent behind it may refuse what it allows. */
    readonly policyEngine?: 'builtin' | 'cedar' | 'opa-http'
    /** POLICY_CEDAR or POLICY_OPA_URL, by `authz.policyEngine` */
    readonly policyPath?: string
    /** Decisions are not cached, so that what is revoked ends at once; the life of a URL is PRESIGN_SECONDS. */
    readonly cacheTTL?: 0
  }
  readonly observability?: {
    /** TRACING */
    readonly tracing?: 'otel' | 'off' | false
    /** At /metrics. */
    readonly metrics?: 'prometheus'
    /** LOG_LEVEL */
    readonly logLevel?: string
  }
  readonly resilience?: {
    readonly circuitBreaker?: {
      /** Breakers are always there; one that should not open has a high threshold. */
      readonly enabled?: true
      /** Of BREAKER_JWKS, BREAKER_OPA and BREAKER_SCAN; the store and the queue have rows of their own. */
      readonly threshold?: number
      /** How long those are left alone. */
      readonly resetTimeout?: number
    }
    readonly retry?: {
      /** Of calls of the store; everything else is tried as often as the class of its failure says. */
      readonly maxAttempts?: 3
      /** Always with full jitter. */
      readonly backoff?: 'exponential'
    }
  }
}

/** Says nothing of its own: editors know what there is, and a wrong key does not compile. */
export const defineConfig = (config: MatrixConfig): MatrixConfig => config
