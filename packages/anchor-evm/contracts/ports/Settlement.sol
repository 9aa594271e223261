// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import "./Operations.sol";

interface IERC20 {
    function balanceOf(address account) external view returns (uint256);
}

/// Moves the energy and the payment of a trade in one call, once for each trade: both or none. Seller and buyer approve
/// this contract for what they owe. The trade is marked before any token is called: one that calls back finds it done. A trade that is settled already succeeds; the same trade on other terms reverts.
contract Settlement is Operations {
    address public immutable energy;

    event Settled(
        bytes32 indexed tradeId,
        address indexed seller,
        address indexed buyer,
        uint256 energyUWh,
        address paymentToken,
        uint256 payment
    );

    error OneParty(address party);
    /// `party` could not be made to give `token`: too little is there or approved.
    error TransferFailed(address token, address party, uint256 value);
    /// The token keeps a part of what it moves.
    error ReceivedLess(address token, uint256 received, uint256 expected);

    constructor(address firstOwner, address energyToken) Operations(firstOwner) {
        energy = energyToken;
    }

    function settleOnce(
        bytes32 tradeId,
        address seller,
        address buyer,
        uint256 energyUWh,
        address paymentToken,
        uint256 payment
    ) external onlyOperator returns (bool) {
        if (seller == buyer) revert OneParty(seller);
        if (!_once(tradeId, keccak256(abi.encode(seller, buyer, energyUWh, paymentToken, payment)))) return false;
        _pull(energy, seller, buyer, energyUWh);
        if (payment > 0) _pull(paymentToken, buyer, seller, payment);
        emit Settled(tradeId, seller, buyer, energyUWh, paymentToken, payment);
        return true;
    }

    /// Tokens that answer nothing (as some old ones do) count as moved when the balance says so.
    function _pull(address token, address from, address to, uint256 value) private {
        uint256 before = IERC20(token).balanceOf(to);
        (bool called, bytes memory answer) = token.call(
            abi.encodeWithSignature("transferFrom(address,address,uint256)", from, to, value)
        );
        if (!called || (answer.length > 0 && !abi.decode(answer, (bool)))) revert TransferFailed(token, from, value);
        uint256 received = IERC20(token).balanceOf(to) - before;
        if (received != value) revert ReceivedLess(token, received, value);
    }
}
