// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// A payment token for tests, which can be made to behave as the odd ones among the real do.
contract OddToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    /// Part of 100 that transfers keep.
    uint256 public fee;
    /// No return value, as USDT.
    bool public silent;
    /// False instead of a revert.
    bool public soft;
    /// Called before anything is moved.
    address public target;
    bytes public call;
    bool public reentered;

    function give(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function behave(uint256 newFee, bool newSilent, bool newSoft, address newTarget, bytes calldata newCall) external {
        fee = newFee;
        silent = newSilent;
        soft = newSoft;
        target = newTarget;
        call = newCall;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external {
        if (target != address(0)) (reentered, ) = target.call(call);
        bool can = balanceOf[from] >= value && allowance[from][msg.sender] >= value;
        if (!can && !soft) revert("short");
        if (can) {
            allowance[from][msg.sender] -= value;
            balanceOf[from] -= value;
            balanceOf[to] += value - (value * fee) / 100;
        }
        if (silent) return;
        assembly {
            mstore(0, can)
            return(0, 32)
        }
    }
}

/// A holder of certificates that calls back, or says no.
contract OddReceiver {
    address public target;
    bytes public call;
    bool public reentered;
    bool public refuses;

    function behave(bool newRefuses, address newTarget, bytes calldata newCall) external {
        refuses = newRefuses;
        target = newTarget;
        call = newCall;
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external returns (bytes4) {
        if (target != address(0)) (reentered, ) = target.call(call);
        return refuses ? bytes4(0) : this.onERC1155Received.selector;
    }
}

/// A wallet contract of EIP-1271 that accepts one signature.
contract OddWallet {
    bytes32 public accepted;

    function accept(bytes32 hash, bytes calldata signature) external {
        accepted = keccak256(abi.encode(hash, signature));
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        require(signature.length > 0, "empty");
        return keccak256(abi.encode(hash, signature)) == accepted ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
