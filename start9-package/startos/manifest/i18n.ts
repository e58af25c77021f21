/** What the marketplace shows, in every language of the package. */

export const short = {
  en_US: 'A mining pool of your own, with Stratum V2, on your own Bitcoin node',
  es_ES:
    'Tu propio pool de minería, con Stratum V2, sobre tu propio nodo Bitcoin',
  de_DE:
    'Dein eigener Mining-Pool mit Stratum V2, auf deinem eigenen Bitcoin-Knoten',
  pl_PL: 'Własna kopalnia (pool) ze Stratum V2, na własnym węźle Bitcoin',
  fr_FR: 'Votre propre pool de minage, avec Stratum V2, sur votre nœud Bitcoin',
}

export const long = {
  en_US:
    'Blocks are built from your own node’s templates and pay whom you say, straight from the coinbase. Friends join by an invite, from behind any router; old miners are understood at the same port. No address, no fee and no donation is built in.',
  es_ES:
    'Los bloques se construyen con las plantillas de tu propio nodo y pagan a quien tú digas, directamente desde la coinbase. Tus amigos se unen con una invitación, detrás de cualquier router; los mineros antiguos se entienden en el mismo puerto. No lleva ninguna dirección, comisión ni donación incorporada.',
  de_DE:
    'Blöcke entstehen aus den Vorlagen deines eigenen Knotens und zahlen direkt aus der Coinbase, wem du willst. Freunde kommen mit einer Einladung dazu, hinter jedem Router; alte Miner werden am selben Port verstanden. Keine Adresse, keine Gebühr und keine Spende ist eingebaut.',
  pl_PL:
    'Bloki powstają z szablonów Twojego węzła i płacą temu, komu chcesz, prosto z coinbase. Znajomi dołączają przez zaproszenie, zza każdego routera; stare koparki są rozumiane na tym samym porcie. Nie ma wbudowanego adresu, opłaty ani darowizny.',
  fr_FR:
    'Les blocs sont construits à partir des modèles de votre propre nœud et paient qui vous voulez, directement depuis la coinbase. Vos amis rejoignent par une invitation, derrière n’importe quel routeur ; les anciens mineurs sont compris sur le même port. Aucune adresse, aucun frais ni don n’est intégré.',
}

export const bitcoindDescription = {
  en_US: 'Gives block templates over IPC, and takes the blocks that are found.',
  es_ES:
    'Da las plantillas de bloque por IPC y recibe los bloques encontrados.',
  de_DE: 'Liefert Blockvorlagen über IPC und nimmt gefundene Blöcke entgegen.',
  pl_PL: 'Daje szablony bloków przez IPC i przyjmuje znalezione bloki.',
  fr_FR: 'Fournit les modèles de bloc par IPC et reçoit les blocs trouvés.',
}
