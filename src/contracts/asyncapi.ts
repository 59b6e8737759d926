/** AsyncAPI 3 of what the log tells, printed from the contracts of events and the envelope that they come in. https://www.asyncapi.com/docs/reference/specification/v3.1.0 */
import { EVENTS, type EventType, wireType } from '../model/event-catalogue.ts'
import { deprecationOf, nameOf } from '../model/event-majors.ts'
import type { KeptContract } from './contract.ts'
import type { JsonSchema } from './json-schema.ts'

const WAYS = {
  webhooks: {
    address: null,
    title: 'Webhooks',
    description:
      'A POST to the URL of a subscription, signed by Standard Webhooks. At least once; events of one asset in their order.',
  },
  stream: {
    address: '/v1/events/stream',
    title: 'Server-sent events',
    description: '`id` is the number in the log, `event` the type, `data` the event. Goes on after `Last-Event-ID`.',
  },
} as const

/** A message has no word for it, a schema has. */
const endOf = (type: EventType, major: number): object => {
  const found = deprecationOf(type, major)
  return found === undefined ? {} : { deprecated: true, 'x-sunset': found.sunset.toISOString() }
}

const messageOf = ({ subject, major, version, schema }: KeptContract): object => {
  const type = subject as EventType
  const name = wireType(nameOf(type, major))
  return {
    name,
    title: subject,
    summary: EVENTS[type].about,
    contentType: 'application/cloudevents+json',
    tags: [{ name: EVENTS[type].stream }],
    payload: {
      ...endOf(type, major),
      allOf: [
        { $ref: '#/components/schemas/Event' },
        { type: 'object', properties: { type: { const: name }, data: schema } },
      ],
    },
    'x-contract': `${subject}/${version}`,
  }
}

const keyOf = ({ subject, major }: KeptContract): string => `${subject}.v${major}`
const refTo = (path: string) => ({ $ref: `#/${path}` })

/** `events`: the newest of each major. */
export const asyncApiDocument = ({
  events,
  envelope,
  base,
}: {
  events: readonly KeptContract[]
  envelope: JsonSchema
  base?: string
}): object => {
  const keys = events.map(keyOf)
  const ways = Object.entries(WAYS)
  const channels = ways.map(([way, said]) => [
    way,
    { ...said, messages: Object.fromEntries(keys.map(key => [key, refTo(`components/messages/${key}`)])) },
  ])
  const operations = ways.map(([way, { title }]) => [
    `tell-${way}`,
    {
      action: 'send',
      title,
      channel: refTo(`channels/${way}`),
      messages: keys.map(key => refTo(`channels/${way}/messages/${key}`)),
    },
  ])
  const server = base && new URL(base)
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Asset Matrix',
      version: '1',
      description:
        'What happens to assets, told in CloudEvents 1.0. Whoever listens leaves alone what it does not know.',
    },
    ...(server && { servers: { gateway: { host: server.host, protocol: server.protocol.replace(':', '') } } }),
    defaultContentType: 'application/cloudevents+json',
    channels: Object.fromEntries(channels),
    operations: Object.fromEntries(operations),
    components: {
      messages: Object.fromEntries(events.map(one => [keyOf(one), messageOf(one)])),
      schemas: { Event: envelope },
    },
  }
}
