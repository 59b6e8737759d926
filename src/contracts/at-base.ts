/** Where this process is reached, and so where its contracts are. */
import type { Config } from '../config.ts'
import { openContracts } from './registry.ts'

export const openContractsAtBase = async (config: Pick<Config, 'publicUrl' | 'host' | 'port'>) => {
  const contracts = await openContracts()
  let base = config.publicUrl ?? `http://${config.host}:${config.port}`
  const publicBase = (): string => base
  return {
    contracts,
    schemaAt: contracts.schemaAt(publicBase),
    /** Base of links in answers; known for certain once the port is. */
    publicBase,
    listeningOn: (address: string): void => {
      base = config.publicUrl ?? address
    },
  }
}
