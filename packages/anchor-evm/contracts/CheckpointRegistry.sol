// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// The newest checkpoint of every log, as each publisher states it. An entry belongs to whoever sends the transaction:
/// nobody can occupy the name of another's log. No owner, no upgrade, no payment.
contract CheckpointRegistry {
    /// `digest` = SHA-256("wattproof/checkpoint/v1" || SHA-256(origin) || uint64be(size) || root).
    struct Checkpoint {
        uint64 size;
        bytes32 digest;
    }

    /// Slot 0. sender => SHA-256 of the log's origin => its newest checkpoint. Read by storage proofs: never move it.
    mapping(address => mapping(bytes32 => Checkpoint)) public checkpoints;

    event CheckpointPublished(
        address indexed sender,
        bytes32 indexed origin,
        bytes32 indexed digest,
        uint64 size
    );

    /// A log only grows: `size` is not above `known`, and it is not the known checkpoint itself.
    error SizeMustGrow(uint64 known, uint64 size);

    /// Publishing the known checkpoint again changes nothing and succeeds.
    function publish(bytes32 origin, uint64 size, bytes32 digest) external {
        Checkpoint storage known = checkpoints[msg.sender][origin];
        if (size <= known.size) {
            if (size == known.size && digest == known.digest) return;
            revert SizeMustGrow(known.size, size);
        }
        known.size = size;
        known.digest = digest;
        emit CheckpointPublished(msg.sender, origin, digest, size);
    }

    /// What a ledger sees of a checkpoint, from the SHA-256 of its origin.
    function digestOf(bytes32 origin, uint64 size, bytes32 root) public pure returns (bytes32) {
        return sha256(abi.encodePacked("wattproof/checkpoint/v1", origin, size, root));
    }

    /// True when the newest checkpoint of this publisher's log has this size and root.
    function isNewest(address sender, bytes32 origin, uint64 size, bytes32 root) external view returns (bool) {
        Checkpoint storage known = checkpoints[sender][origin];
        return size > 0 && known.size == size && known.digest == digestOf(origin, size, root);
    }

    /// Inclusion of a leaf hash in an RFC 6962 tree, by the algorithm of RFC 9162, 2.1.3.2. `path` runs leaf to root.
    function verifyInclusion(
        bytes32 leafHash,
        uint64 index,
        uint64 size,
        bytes32[] calldata path,
        bytes32 root
    ) external pure returns (bool) {
        if (index >= size) return false;
        uint64 fn = index;
        uint64 sn = size - 1;
        bytes32 r = leafHash;
        for (uint256 i = 0; i < path.length; i++) {
            if (sn == 0) return false;
            if (fn & 1 == 1 || fn == sn) {
                r = sha256(abi.encodePacked(bytes1(0x01), path[i], r));
                while (fn & 1 == 0 && fn != 0) {
                    fn >>= 1;
                    sn >>= 1;
                }
            } else {
                r = sha256(abi.encodePacked(bytes1(0x01), r, path[i]));
            }
            fn >>= 1;
            sn >>= 1;
        }
        return sn == 0 && r == root;
    }
}
