// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// Operations that operators ask for by key and that happen once. An owner appoints operators; both may be replaced, and
/// what a former operator did stays done.
abstract contract Operations {
    /// `request` is a hash cut to 26 bytes, so that an operation costs one slot. Two requests of one hash would have to be
    /// found by an operator, who can just as well ask for the other one under another key.
    struct Done {
        uint48 blockNumber;
        uint208 request;
    }

    address public owner;
    address public proposedOwner;
    mapping(address => bool) public isOperator;
    /// What each key stands for; block 0 while nothing does.
    mapping(bytes32 => Done) public operations;

    event OperationDone(bytes32 indexed key, address indexed operator);
    event OperatorSet(address indexed operator, bool allowed);
    event OwnerChanged(address indexed owner);

    error NotOwner(address sender);
    error NotOperator(address sender);
    error KeyConflict(bytes32 key);

    constructor(address firstOwner) {
        if (firstOwner == address(0)) revert NotOwner(firstOwner);
        owner = firstOwner;
        emit OwnerChanged(firstOwner);
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    modifier onlyOperator() {
        if (!isOperator[msg.sender]) revert NotOperator(msg.sender);
        _;
    }

    function setOperator(address operator, bool allowed) external onlyOwner {
        isOperator[operator] = allowed;
        emit OperatorSet(operator, allowed);
    }

    /// Ownership moves when the proposed one takes it: a mistyped address takes nothing.
    function proposeOwner(address proposed) external onlyOwner {
        proposedOwner = proposed;
    }

    function acceptOwnership() external {
        if (msg.sender != proposedOwner) revert NotOwner(msg.sender);
        owner = msg.sender;
        proposedOwner = address(0);
        emit OwnerChanged(msg.sender);
    }

    /// True when the key is new and now stands for the request; false when this very request was done before.
    function _once(bytes32 key, bytes32 requestHash) internal returns (bool) {
        Done storage done = operations[key];
        uint208 request = uint208(bytes26(requestHash));
        if (done.blockNumber != 0) {
            if (done.request != request) revert KeyConflict(key);
            return false;
        }
        done.blockNumber = uint48(block.number);
        done.request = request;
        emit OperationDone(key, msg.sender);
        return true;
    }
}
