// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import "./Operations.sol";

interface IERC1155Receiver {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external returns (bytes4);
    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        returns (bytes4);
}

/// Energy certificates in the manner of ERC-1888 on ERC-1155: the id is the certificate's hash, an amount is Wh. What is
/// claimed (retired) leaves the balance for good. Operators issue, and move or claim what its holder approved them for.
contract EnergyCertificates is Operations {
    /// ERC-1888 topic of every certificate here.
    uint256 public constant TOPIC = uint256(keccak256("wattproof.certificate/1"));

    mapping(address => mapping(uint256 => uint256)) private balances;
    mapping(address => mapping(uint256 => uint256)) private claimed;
    mapping(address => mapping(address => bool)) public isApprovedForAll;
    /// Who issued each certificate, and how many Wh.
    mapping(uint256 => address) public issuerOf;
    mapping(uint256 => uint256) public issuedWh;

    event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value);
    event TransferBatch(
        address indexed operator,
        address indexed from,
        address indexed to,
        uint256[] ids,
        uint256[] values
    );
    event ApprovalForAll(address indexed account, address indexed operator, bool approved);
    event IssuanceSingle(address indexed issuer, uint256 indexed topic, uint256 id);
    event ClaimSingle(
        address indexed claimIssuer,
        address indexed claimSubject,
        uint256 indexed topic,
        uint256 id,
        uint256 value,
        bytes claimData
    );

    error CertificateExists(uint256 id);
    error CertificateUnknown(uint256 id);
    error NothingToIssue(uint256 id);
    error ERC1155InsufficientBalance(address sender, uint256 balance, uint256 needed, uint256 id);
    error ERC1155MissingApprovalForAll(address operator, address owner);
    error ERC1155InvalidReceiver(address receiver);
    error ERC1155InvalidArrayLength(uint256 ids, uint256 values);

    constructor(address firstOwner) Operations(firstOwner) {}

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == 0xd9b67a26;
    }

    function balanceOf(address account, uint256 id) external view returns (uint256) {
        return balances[account][id];
    }

    function balanceOfBatch(address[] calldata accounts, uint256[] calldata ids)
        external
        view
        returns (uint256[] memory found)
    {
        if (accounts.length != ids.length) revert ERC1155InvalidArrayLength(accounts.length, ids.length);
        found = new uint256[](ids.length);
        for (uint256 i = 0; i < ids.length; i++) found[i] = balances[accounts[i]][ids[i]];
    }

    function claimedBalanceOf(address account, uint256 id) external view returns (uint256) {
        return claimed[account][id];
    }

    function setApprovalForAll(address operator, bool approved) external {
        isApprovedForAll[msg.sender][operator] = approved;
        emit ApprovalForAll(msg.sender, operator, approved);
    }

    function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes calldata data) external {
        _checkMayMove(from);
        _move(from, to, id, value);
        emit TransferSingle(msg.sender, from, to, id, value);
        _checkReceiver(from, to, id, value, data);
    }

    function safeBatchTransferFrom(
        address from,
        address to,
        uint256[] calldata ids,
        uint256[] calldata values,
        bytes calldata data
    ) external {
        if (ids.length != values.length) revert ERC1155InvalidArrayLength(ids.length, values.length);
        _checkMayMove(from);
        for (uint256 i = 0; i < ids.length; i++) _move(from, to, ids[i], values[i]);
        emit TransferBatch(msg.sender, from, to, ids, values);
        if (to.code.length == 0) return;
        bytes4 answer = IERC1155Receiver(to).onERC1155BatchReceived(msg.sender, from, ids, values, data);
        if (answer != IERC1155Receiver.onERC1155BatchReceived.selector) revert ERC1155InvalidReceiver(to);
    }

    /// A holder retires what is his own.
    function claim(uint256 id, uint256 value, bytes calldata claimData) external {
        _claim(msg.sender, id, value, claimData);
    }

    function issueOnce(bytes32 key, address to, uint256 id, uint256 value) external onlyOperator returns (bool) {
        if (!_once(key, keccak256(abi.encode("issue", to, id, value)))) return false;
        if (issuerOf[id] != address(0)) revert CertificateExists(id);
        if (value == 0) revert NothingToIssue(id);
        if (to == address(0)) revert ERC1155InvalidReceiver(to);
        issuerOf[id] = msg.sender;
        issuedWh[id] = value;
        balances[to][id] = value;
        emit IssuanceSingle(msg.sender, TOPIC, id);
        emit TransferSingle(msg.sender, address(0), to, id, value);
        _checkReceiver(address(0), to, id, value, "");
        return true;
    }

    function transferOnce(bytes32 key, address from, address to, uint256 id, uint256 value)
        external
        onlyOperator
        returns (bool)
    {
        if (!_once(key, keccak256(abi.encode("transfer", from, to, id, value)))) return false;
        _checkMayMove(from);
        _move(from, to, id, value);
        emit TransferSingle(msg.sender, from, to, id, value);
        _checkReceiver(from, to, id, value, "");
        return true;
    }

    function claimOnce(bytes32 key, address from, uint256 id, uint256 value, bytes calldata claimData)
        external
        onlyOperator
        returns (bool)
    {
        if (!_once(key, keccak256(abi.encode("claim", from, id, value, claimData)))) return false;
        _checkMayMove(from);
        _claim(from, id, value, claimData);
        return true;
    }

    function _checkMayMove(address from) private view {
        if (from != msg.sender && !isApprovedForAll[from][msg.sender])
            revert ERC1155MissingApprovalForAll(msg.sender, from);
    }

    function _claim(address from, uint256 id, uint256 value, bytes calldata claimData) private {
        _take(from, id, value);
        claimed[from][id] += value;
        emit ClaimSingle(issuerOf[id], from, TOPIC, id, value, claimData);
        emit TransferSingle(msg.sender, from, address(0), id, value);
    }

    function _move(address from, address to, uint256 id, uint256 value) private {
        if (to == address(0)) revert ERC1155InvalidReceiver(to);
        _take(from, id, value);
        balances[to][id] += value;
    }

    function _take(address from, uint256 id, uint256 value) private {
        if (issuerOf[id] == address(0)) revert CertificateUnknown(id);
        uint256 balance = balances[from][id];
        if (balance < value) revert ERC1155InsufficientBalance(from, balance, value, id);
        unchecked {
            balances[from][id] = balance - value;
        }
    }

    /// Last of all: a receiver that calls back finds everything done.
    function _checkReceiver(address from, address to, uint256 id, uint256 value, bytes memory data) private {
        if (to.code.length == 0) return;
        bytes4 answer = IERC1155Receiver(to).onERC1155Received(msg.sender, from, id, value, data);
        if (answer != IERC1155Receiver.onERC1155Received.selector) revert ERC1155InvalidReceiver(to);
    }
}
